// A reactor for the count of fuel: maps, goroutines, garbage, floats and text. A command of Go ends by an exit, amid what is
// charged; a function that is exported comes to its end.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strings"
	"sync"
)

type entry struct {
	Word  string  `json:"word"`
	Count int     `json:"count"`
	Root  float64 `json:"root"`
}

func count(text string) []entry {
	counts := map[string]int{}
	for _, word := range strings.Fields(text) {
		counts[strings.ToLower(word)]++
	}
	entries := []entry{}
	for word, count := range counts {
		entries = append(entries, entry{word, count, math.Sqrt(float64(count))})
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Word < entries[j].Word })
	return entries
}

func divided(a, b int) (quotient int, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("recovered: %v", reason)
		}
	}()
	return a / b, nil
}

func main() {}

//go:wasmexport work
func work() {
	bytes, err := json.Marshal(count(strings.Repeat("one Two two three THREE three ", 40)))
	fmt.Println(string(bytes), err)

	var group sync.WaitGroup
	sums := make(chan int, 8)
	for worker := range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			sum, pieces := 0, [][]byte{}
			for turn := range 2_000 {
				pieces = append(pieces, make([]byte, turn%64))
				sum += len(pieces[turn]) * worker
			}
			sums <- sum
		}()
	}
	group.Wait()
	close(sums)
	total := 0
	for sum := range sums {
		total += sum
	}
	fmt.Println(total)

	_, err = divided(7, len(os.Args)-len(os.Args))
	fmt.Println(err)
}
