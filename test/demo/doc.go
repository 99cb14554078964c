// Package demo is the whole product once: a shop is spread over three clusters, its name is answered
// with the nearest, clusters and the hub are lost and return. Each step says what it does, checks it
// and prints the figures. `make demo` runs it for people, test/e2e as a test.
package demo
