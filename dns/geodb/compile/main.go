// Command compile makes the built-in country table of package geodb from a database in the MaxMind
// format:
//
//	go run ./dns/geodb/compile -o dns/geodb/country.bin FILE
//
// Only countries are kept. It is run by hand when newer data is wanted; country.md beside the table
// says where the data is from and must be changed with it.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/seaway-io/seaway/dns/geodb"
	"github.com/seaway-io/seaway/dns/geodb/internal/table"
)

func main() {
	out := flag.String("o", "dns/geodb/country.bin", "file to write")
	flag.Parse()
	if err := compile(flag.Args(), *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func compile(files []string, out string) error {
	if len(files) != 1 {
		return fmt.Errorf("usage: compile [-o country.bin] FILE.mmdb")
	}
	source, info, err := geodb.Open(files[0], geodb.Fields{})
	if err != nil {
		return err
	}
	data, err := table.Encode(info.Built, source)
	if err != nil {
		return err
	}
	// What was written is read again, so that a table that does not decode is never left behind.
	again, built, err := table.Decode(data)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, data, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d ranges of %s, %d bytes\n", out, again.Len(), built.Format(time.DateOnly), len(data))
	return nil
}
