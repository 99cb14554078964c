//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	_, _ = serveOurs, serveHandler
	fmt.Fprintln(os.Stderr, "bench-dns: this measures on Linux only")
	os.Exit(1)
}
