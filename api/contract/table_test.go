package contract

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
)

// kindRow is a line of kinds.tsv.
type kindRow struct {
	Group, Version, Kind, Plural, Scope, Served string
	Status                                      bool
	ShortNames, Categories                      string
	Fields                                      string
	Columns                                     []string
}

// field is a line of fields.tsv without table and path.
type field struct {
	Type, Required, Enum, Default, Validation, Structure string
}

// fields are the fields of one kind by path.
type fields map[string]field

func readTSV(t *testing.T, file string, columns int) [][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows [][]string
	scanner := bufio.NewScanner(f)
	for line := 0; scanner.Scan(); line++ {
		row := strings.Split(scanner.Text(), "\t")
		if len(row) != columns {
			t.Fatalf("%s line %d has %d columns, want %d", file, line+1, len(row), columns)
		}
		if line == 0 {
			continue
		}
		for i, cell := range row {
			if cell == "-" {
				row[i] = ""
			}
		}
		rows = append(rows, row)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func readKinds(t *testing.T) []kindRow {
	t.Helper()
	var kinds []kindRow
	for _, r := range readTSV(t, "testdata/kinds.tsv", 11) {
		k := kindRow{
			Group: r[0], Version: r[1], Kind: r[2], Plural: r[3], Scope: r[4], Served: r[5],
			Status: r[6] == "status", ShortNames: r[7], Categories: r[8], Fields: r[9],
		}
		if r[10] != "" {
			k.Columns = strings.Split(r[10], " ; ")
		}
		kinds = append(kinds, k)
	}
	return kinds
}

func readFields(t *testing.T) map[string]fields {
	t.Helper()
	tables := map[string]fields{}
	for _, r := range readTSV(t, "testdata/fields.tsv", 8) {
		table, path := r[0], r[1]
		if tables[table] == nil {
			tables[table] = fields{}
		}
		tables[table][path] = field{
			Type: r[2], Required: r[3], Enum: sorted(r[4], "|"), Default: r[5],
			Validation: sorted(r[6], "; "), Structure: r[7],
		}
	}
	return tables
}

// sorted makes the order of a cell's items irrelevant.
func sorted(cell, separator string) string {
	items := strings.Split(cell, separator)
	slices.Sort(items)
	return strings.Join(items, separator)
}
