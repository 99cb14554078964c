// Package output writes what a command has found out, for people or for programs.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// Formats.
const (
	Text = "text"
	JSON = "json"
	YAML = "yaml"
)

// Add adds the flag to a command.
func Add(fs *pflag.FlagSet, format *string) {
	fs.StringVarP(format, "output", "o", Text, "text, json or yaml")
}

// Check says whether there is such a format.
func Check(format string) error {
	if !slices.Contains([]string{Text, JSON, YAML}, format) {
		return fmt.Errorf("--output: there is no format %q; there are: text, json, yaml", format)
	}
	return nil
}

// Show writes an object, or its text with the columns aligned that it separates by tabs.
func Show(w io.Writer, format string, object any, text func(io.Writer)) error {
	switch format {
	case JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(object)
	case YAML:
		data, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	text(tw)
	return tw.Flush()
}

// Plain is text of others on one line, without what a terminal would obey.
func Plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
