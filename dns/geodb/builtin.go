package geodb

import (
	_ "embed"
	"fmt"

	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/geodb/internal/table"
)

// country.md beside it says where it is from.
//
//go:embed country.bin
var countryTable []byte

// BuiltIn is the country table inside the program: public-domain data, some months old, that knows
// the country of most networks and nothing finer. See country.md. It makes geography work with no
// download; a database of the user's own is better.
func BuiltIn() (*geo.Source, Info) {
	s, built, err := table.Decode(countryTable)
	if err != nil {
		// The program itself is damaged; a test of this package decodes every byte of the table.
		panic(fmt.Sprintf("built-in country table: %v", err))
	}
	return s, Info{Path: "built-in", Type: "country", Built: built, Networks: s.Len(), Coarse: true, Fields: []string{"country"}}
}
