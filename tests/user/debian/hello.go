// Goroutines, a timer, preemption of a loop, and a nil pointer that is caught.
package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

func caught() (what string) {
	defer func() { what = fmt.Sprint(recover() != nil) }()
	var none *int
	*none = 1
	return
}

func main() {
	var sum atomic.Int64
	var all sync.WaitGroup
	for i := 1; i <= 100; i++ {
		all.Add(1)
		go func() { sum.Add(int64(i)); all.Done() }()
	}
	all.Wait()
	var stop atomic.Bool
	go func() { time.Sleep(10 * time.Millisecond); stop.Store(true) }()
	for !stop.Load() {
	}
	fmt.Println(sum.Load(), caught())
}
