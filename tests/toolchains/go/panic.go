package main

func main() { panic("out of tea") }
