package main

import (
	"encoding/json"
	"fmt"
	"os"
)

type Order struct {
	Name   string    `json:"name"`
	Prices []float64 `json:"prices"`
}

type Bill struct {
	Name string  `json:"name"`
	Sum  float64 `json:"sum"`
}

func main() {
	var order Order
	if err := json.NewDecoder(os.Stdin).Decode(&order); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	bill := Bill{Name: order.Name}
	for _, price := range order.Prices {
		bill.Sum += price
	}
	if err := json.NewEncoder(os.Stdout).Encode(bill); err != nil {
		panic(err)
	}
}
