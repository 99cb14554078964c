package feed

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// A file is a line with magic, the number of the format and the generation; the content; and the
// SHA-256 sum of all that, in 32 octets.
const magic = "seaway-dns-state 2 "

// mostLine is the longest first line.
const mostLine = len(magic) + 20 + 1

// writeFile replaces a file in one step: at every moment there is the old one or the new one, whole.
// Just before the step, aside may put the old one away.
func writeFile(path string, generation uint64, content func(io.Writer) error, aside func() error) error {
	// One name for all time: what a killed process left is written over, not kept.
	temporary, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	err = writeTo(temporary, generation, content)
	if err == nil {
		err = temporary.Sync()
	}
	if e := temporary.Close(); err == nil {
		err = e
	}
	if err == nil && aside != nil {
		err = aside()
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func writeTo(f io.Writer, generation uint64, content func(io.Writer) error) error {
	sum := sha256.New()
	out := bufio.NewWriterSize(f, 256<<10)
	both := io.MultiWriter(out, sum)
	if _, err := fmt.Fprintf(both, "%s%d\n", magic, generation); err != nil {
		return err
	}
	if err := content(both); err != nil {
		return err
	}
	if _, err := out.Write(sum.Sum(nil)); err != nil {
		return err
	}
	return out.Flush()
}

// syncDir makes renames in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// generationOf reads the first line of a file, which proves little.
func generationOf(path string) (uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head := make([]byte, mostLine)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return 0, err
	}
	generation, _, err := cutHead(path, head[:n])
	return generation, err
}

func cutHead(path string, content []byte) (generation uint64, rest []byte, err error) {
	line, rest, ok := bytes.Cut(content, []byte("\n"))
	number, isState := bytes.CutPrefix(line, []byte(magic))
	generation, err = strconv.ParseUint(string(number), 10, 64)
	if !ok || !isState || err != nil {
		return 0, nil, fmt.Errorf("%s was not written by this version of seaway dns", path)
	}
	return generation, rest, nil
}

// readFile reads what writeFile wrote.
func readFile(path string, content func([]byte) error) (generation uint64, err error) {
	all, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	generation, rest, err := cutHead(path, all)
	if err != nil {
		return 0, err
	}
	end := len(all) - sha256.Size
	if len(rest) < sha256.Size {
		return 0, fmt.Errorf("%s is damaged: its end is missing", path)
	}
	if sum := sha256.Sum256(all[:end]); !bytes.Equal(sum[:], all[end:]) {
		return 0, fmt.Errorf("%s is damaged: its checksum is wrong", path)
	}
	if err := content(rest[:len(rest)-sha256.Size]); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return generation, nil
}
