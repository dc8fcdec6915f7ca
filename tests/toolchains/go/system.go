package main

import (
	"bytes"
	"fmt"
	"os"
)

func main() {
	for _, argument := range os.Args[1:] {
		fmt.Println(argument)
	}
	fmt.Printf("TEA=%s\n", os.Getenv("TEA"))
	menu, err := os.ReadFile("/shop/menu.txt")
	if err == nil {
		os.Stdout.Write(menu)
		err = os.WriteFile("/shop/made.txt", bytes.ToUpper(menu), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
