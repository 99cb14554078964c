package secondary

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/seaway-io/seaway/dns/core/transfer"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// saved is a copy on disk.
type saved struct {
	Domain  string    `json:"domain"`
	Heard   time.Time `json:"heard"`
	SOA     stored    `json:"soa"`
	Records []stored  `json:"records"`
}

// stored is a record, whose name and data are octets.
type stored struct {
	Name []byte `json:"name"`
	Type uint16 `json:"type"`
	TTL  uint32 `json:"ttl"`
	Data []byte `json:"data"`
}

func store(r wire.Record) stored { return stored{[]byte(r.Name), r.Type, r.TTL, []byte(r.Data)} }

func (s stored) record() wire.Record {
	return wire.Record{Name: wire.Name(s.Name), Type: s.Type, TTL: s.TTL, Data: string(s.Data)}
}

// path is the file of a copy. A domain is no path: its octets are written as digits.
func (f *follower) path() string {
	return filepath.Join(f.options.Dir, "copy-"+hex.EncodeToString(sum([]byte(f.apex))[:16])+".json")
}

func sum(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

// save writes the copy. That it can not be written stops nothing.
func (f *follower) save() {
	if f.options.Dir == "" {
		return
	}
	s := saved{Domain: f.domain, Heard: f.heard, SOA: store(f.version.SOA)}
	for _, r := range f.version.Records {
		s.Records = append(s.Records, store(r))
	}
	if err := replace(f.path(), s); err != nil {
		f.options.Log.Error("a copy is not on disk", "zone", f.domain, "error", err)
	}
}

// replace writes a file so that at every moment there is a whole one.
func replace(path string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(path + ".new")
	_, err = fmt.Fprintf(file, "%s\n%s", hex.EncodeToString(sum(body)), body)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// restore reads the copy. One that is torn or another zone's is as good as none.
func (f *follower) restore() {
	if f.options.Dir == "" {
		return
	}
	text, err := os.ReadFile(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = f.read(text)
	}
	if err != nil {
		f.options.Log.Error("a copy on disk cannot be used", "zone", f.domain, "error", err)
	}
}

func (f *follower) read(text []byte) error {
	head, body, _ := bytes.Cut(text, []byte("\n"))
	if string(head) != hex.EncodeToString(sum(body)) {
		return errors.New("the file is damaged")
	}
	var s saved
	if err := json.Unmarshal(body, &s); err != nil {
		return err
	}
	answer := []wire.Record{s.SOA.record()}
	for _, r := range s.Records {
		answer = append(answer, r.record())
	}
	v, err := transfer.Apply(f.apex, nil, append(answer, s.SOA.record()))
	if err != nil {
		return err
	}
	f.version, f.heard = v, s.Heard
	if now := time.Now(); f.heard.After(now) {
		f.heard = now
	}
	return nil
}
