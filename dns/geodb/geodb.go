package geodb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	maxminddb "github.com/oschwald/maxminddb-golang/v2"

	"github.com/seaway-io/seaway/dns/core/geo"
)

// Info describes a database that was read.
type Info struct {
	// Path of the file; "built-in" for the table inside the program.
	Path string
	// Type is the database's own name of its kind, such as GeoLite2-City.
	Type string
	// Built is when the data was put together.
	Built time.Time
	// Networks with a location, equal neighbours counted once.
	Networks int
	// Fields that the database knows, with the path of each: "country=country.iso_code".
	Fields []string
	// Coarse says that the database knows countries only, and those with errors.
	Coarse bool
}

// String is one line for a person.
func (i Info) String() string {
	s := fmt.Sprintf("%s: %s of %s, %d networks, %s", i.Path, i.Type, i.Built.UTC().Format(time.DateOnly),
		i.Networks, strings.Join(i.Fields, " "))
	if i.Coarse {
		s += " (coarse)"
	}
	return s
}

// Short names the database and its age.
func (i Info) Short() string {
	text := i.Path + " of " + i.Built.Format(time.DateOnly)
	if i.Coarse {
		text += " (coarse)"
	}
	return text
}

// Open reads a database in the MaxMind format. Paths set in fields replace the known schemas for
// their field, and must lead to something in at least one record.
//
// Every error names the file and what to do about it. A file that is changed while it is read, or
// is damaged in whatever way, is an error too, never a crash.
func Open(path string, fields Fields) (*geo.Source, Info, error) {
	s, i, err := OpenAll([]string{path}, fields)
	if err != nil {
		return nil, Info{}, err
	}
	return s, i[0], nil
}

// OpenAll reads several databases and lays them over one another, such as one of cities and one of
// autonomous systems; what the first does not know the next may ([geo.Overlay]). A path set in
// fields must lead to something in at least one of them.
func OpenAll(paths []string, fields Fields) (*geo.Source, []Info, error) {
	if len(paths) == 0 {
		return nil, nil, errors.New("geo database: no file named")
	}
	schema := newSchema(fields)
	var sources []*geo.Source
	var infos []Info
	var matched [fieldCount]bool
	var example string
	for _, path := range paths {
		d := database{path: path, schema: schema}
		if err := d.open(); err != nil {
			return nil, nil, fmt.Errorf("geo database %s: %w", path, err)
		}
		for n := range fieldCount {
			matched[n] = matched[n] || d.uses[n] != nil
		}
		example = d.example
		sources, infos = append(sources, d.source), append(infos, d.info)
	}
	for n := range fieldCount {
		if p := *fields.path(n); p != "" && !matched[n] {
			return nil, nil, fmt.Errorf("geo database %s: no record has anything at %s=%s; a record has: %s",
				strings.Join(paths, ", "), fieldNames[n], p, example)
		}
	}
	return geo.Overlay(sources...), infos, nil
}

// database is one file while it is read.
type database struct {
	path    string
	schema  *schema
	source  *geo.Source
	info    Info
	uses    [fieldCount][]int // how many records had the field, by rank of the path
	example string            // the paths in one record
}

const copyAgain = "copy or download it again, to another name first that is then renamed"

func (d *database) open() error {
	if err := lookAt(d.path); err != nil {
		return err
	}
	return guarded(func() error {
		db, err := maxminddb.Open(d.path)
		if err != nil {
			return fmt.Errorf("is not a database in the MaxMind format, or is cut short (%w): %s", err, copyAgain)
		}
		defer db.Close()
		return d.read(db)
	})
}

// guarded makes an error of a fault. The file is mapped: cut short by somebody while it is read, its
// pages are gone, which would end the program; as a panic it ends the reading only. The same catches
// whatever a damaged file may still provoke in the decoder.
func guarded(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("is damaged or was changed while it was read (%v): %s", r, copyAgain)
		}
	}()
	return read()
}

// lookAt finds the mistakes that have a better remedy than another download.
func lookAt(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot be opened: %w", err)
	}
	defer f.Close()
	stat, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("cannot be opened: %w", err)
	case !stat.Mode().IsRegular():
		return errors.New("is not a file: name the .mmdb file itself")
	case stat.Size() == 0:
		return fmt.Errorf("is empty: %s", copyAgain)
	}
	var head [4]byte
	if _, err := io.ReadFull(f, head[:]); err == nil {
		for _, packed := range []string{"\x1f\x8b", "PK\x03\x04", "BZh", "\xfd7zX", "\x28\xb5\x2f\xfd"} {
			if bytes.HasPrefix(head[:], []byte(packed)) {
				return errors.New("is a compressed archive: unpack it and name the .mmdb file inside")
			}
		}
	}
	return nil
}

// read takes all networks out of an open database.
func (d *database) read(db *maxminddb.Reader) error {
	var b geo.Builder
	r := record{schema: d.schema}
	// Many networks share a record; each record is decoded once.
	places := map[uintptr]geo.Place{}
	networks, leaves := 0, uint(0)
	// Networks without data are walked too, so that a tree which is not one, but leads back into
	// itself, cannot keep us forever: a tree has one more leaf than it has nodes.
	for result := range db.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if leaves++; leaves > db.Metadata.NodeCount+1 {
			return fmt.Errorf("is damaged (its tree of networks has loops): %s", copyAgain)
		}
		if err := result.Err(); err != nil {
			return fmt.Errorf("is damaged at %v (%w): %s", result.Prefix(), err, copyAgain)
		}
		if !result.Found() {
			continue
		}
		place, seen := places[result.Offset()]
		if !seen {
			if err := result.Decode(&r); err != nil {
				return fmt.Errorf("is damaged at %v (%w): %s", result.Prefix(), err, copyAgain)
			}
			place = b.Place(r.location())
			places[result.Offset()] = place
			d.count(&r, result)
		}
		networks++
		if err := b.Add(result.Prefix(), place); err != nil {
			return fmt.Errorf("is damaged (%w): %s", err, copyAgain)
		}
	}
	if networks == 0 {
		return fmt.Errorf("holds no networks: %s", copyAgain)
	}
	return d.finish(db, b.Source())
}

// count notes which paths a record had.
func (d *database) count(r *record, result maxminddb.Result) {
	for n, v := range r.found {
		if !v.ok {
			continue
		}
		if d.uses[n] == nil {
			d.uses[n] = make([]int, len(d.schema.paths[n]))
		}
		d.uses[n][v.rank]++
	}
	if d.example == "" {
		var o outline
		if result.Decode(&o) == nil {
			d.example = o.String()
		}
	}
}

func (d *database) finish(db *maxminddb.Reader, s *geo.Source) error {
	var fields []string
	for n, uses := range d.uses {
		if uses == nil {
			continue
		}
		most := slices.Index(uses, slices.Max(uses))
		fields = append(fields, fieldNames[n]+"="+d.schema.paths[n][most])
	}
	if s.Len() == 0 {
		return fmt.Errorf("has no field that is known; a record has: %s; name the paths, such as country=%s",
			d.example, "country.iso_code")
	}
	d.source = s
	d.info = Info{
		Path:     d.path,
		Type:     db.Metadata.DatabaseType,
		Built:    db.Metadata.BuildTime().UTC(),
		Networks: s.Len(),
		Fields:   fields,
	}
	return nil
}
