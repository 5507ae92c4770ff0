package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
)

var kept [][]byte

func waitsForNothing() {
	select {}
}

func holdsMemory() {
	for i := 0; i < 24; i++ {
		kept = append(kept, make([]byte, 1<<20))
	}
}

func main() {
	holdsMemory()
	go waitsForNothing()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(l, nil))
}
