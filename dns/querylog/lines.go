package querylog

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// lines is a file of lines of JSON.
type lines struct {
	path    string
	file    *os.File
	out     *bufio.Writer
	looked  time.Time
	failing bool
	log     *slog.Logger
	query   wire.Query
}

// lookEvery is how often it is looked whether the file was moved away.
const lookEvery = time.Second

func openLines(path string, log *slog.Logger) (*lines, error) {
	l := &lines{path: path, file: os.Stdout, log: log}
	if path != "-" {
		if err := l.open(); err != nil {
			return nil, err
		}
	}
	l.out = bufio.NewWriterSize(l.file, 64<<10)
	return l, nil
}

func (l *lines) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err == nil {
		l.file = f
	}
	return err
}

// line is what is written of a query.
type line struct {
	Time      time.Time `json:"time"`
	Client    string    `json:"client"`
	Transport string    `json:"transport"`
	Name      string    `json:"name,omitempty"`
	Type      string    `json:"type,omitempty"`
	Class     string    `json:"class,omitempty"`
	Subnet    string    `json:"subnet,omitempty"`
	Rcode     string    `json:"rcode"`
	Query     int       `json:"querySize"`
	Reply     int       `json:"replySize"`
}

func (l *lines) write(e *entry) bool {
	n := line{
		Time: e.at, Client: e.client.String(), Transport: e.transport.String(), Rcode: dns.RcodeToString[int(e.replyRcode)],
		Query: e.querySize, Reply: e.replySize,
	}
	query, _ := e.messages()
	if outcome := l.query.Parse(query); outcome == wire.Serve {
		n.Name = wire.Name(l.query.Name()).String()
		n.Type, n.Class = dns.Type(l.query.Type).String(), dns.Class(l.query.Class).String()
		if l.query.HasSubnet {
			if p, err := l.query.Subnet.Addr.Prefix(int(l.query.Subnet.Prefix)); err == nil {
				n.Subnet = p.String()
			}
		}
	}
	text, err := json.Marshal(n)
	if err != nil {
		return false
	}
	_, err = l.out.Write(append(text, '\n'))
	return err == nil
}

func (l *lines) flush() {
	err := l.out.Flush()
	if err != nil {
		l.out.Reset(l.file) // an error sticks otherwise
	}
	if (err != nil) != l.failing {
		l.failing = err != nil
		if l.failing {
			l.log.Error("the query log cannot be written: queries are answered all the same", "error", err)
		} else {
			l.log.Info("the query log is written again")
		}
	}
	if now := time.Now(); l.path != "-" && now.Sub(l.looked) >= lookEvery {
		l.looked = now
		l.follow()
	}
}

// follow opens the file anew if another, or none, has its name.
func (l *lines) follow() {
	here, err := l.file.Stat()
	if err != nil {
		return
	}
	if there, err := os.Stat(l.path); err == nil && os.SameFile(here, there) {
		return
	}
	old := l.file
	if err := l.open(); err != nil {
		return // the old one is still there
	}
	old.Close()
	l.out.Reset(l.file)
}

func (l *lines) close() {
	_ = l.out.Flush() // there is nobody left to tell
	if l.path != "-" {
		l.file.Close()
	}
}
