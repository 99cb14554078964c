package secondary

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/transfer"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
)

const apex = "\x04apps\x00"

// primary is one in memory. Its SOA says: refresh 1 h, retry 1 min, expire 6 h.
type primary struct {
	mu     sync.Mutex
	serial uint32
	away   bool
	asked  []time.Duration
	began  time.Time
}

func (p *primary) set(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

func (p *primary) fetch(_ context.Context, _ v1.TransferServer, _ wire.Name, have *transfer.Version) ([]wire.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, time.Since(p.began))
	if p.away {
		return nil, os.ErrDeadlineExceeded
	}
	data := []byte("\x00\x00")
	for _, n := range []uint32{p.serial, 3600, 60, 6 * 3600, 30} {
		data = binary.BigEndian.AppendUint32(data, n)
	}
	soa := wire.Record{Name: apex, Type: dns.TypeSOA, TTL: 300, Data: string(data)}
	if have != nil && have.Serial() == p.serial {
		return []wire.Record{soa}, nil
	}
	return []wire.Record{soa, {Name: apex, Type: dns.TypeNS, TTL: 300, Data: "\x02ns\x00"}, soa}, nil
}

// served is what was put in force last.
type served struct {
	mu  sync.Mutex
	all map[string]*zone.Copy
}

func (s *served) set(all map[string]*zone.Copy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = all
}

// state is "none", "expired" or "good", and the serial.
func (s *served) state() (string, uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.all["apps"]
	switch {
	case c == nil:
		return "none", 0
	case c.Expired:
		return "expired", 0
	}
	return "good", (&transfer.Version{SOA: c.SOA}).Serial()
}

func begin(t *testing.T, p *primary, dir string) (k *Keeper, s *served, stop func()) {
	z := &v1.Zone{Spec: v1.ZoneSpec{Domain: "apps", Secondary: &v1.Secondary{Primaries: []v1.TransferServer{{Address: "192.0.2.1"}}}}}
	s = &served{}
	k = New(Options{Zones: func() []*v1.Zone { return []*v1.Zone{z} }, SetCopies: s.set, Dir: dir, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	k.fetch, p.began = p.fetch, time.Now()
	k.Load()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.Run(ctx)
	}()
	return k, s, func() {
		cancel()
		<-done
	}
}

func expect(t *testing.T, s *served, when, state string, serial uint32) {
	t.Helper()
	synctest.Wait()
	if gotState, gotSerial := s.state(); gotState != state || gotSerial != serial {
		t.Errorf("%s: %s %d, want %s %d", when, gotState, gotSerial, state, serial)
	}
}

func TestTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &primary{serial: 7, away: true}
		k, s, stop := begin(t, p, t.TempDir())
		defer stop()
		expect(t, s, "without a primary", "none", 0)
		time.Sleep(time.Minute)
		p.set(func() { p.away = false })
		time.Sleep(2 * time.Minute) // it is asked again after a minute or so
		expect(t, s, "the primary is back", "good", 7)

		p.set(func() { p.serial = 8; p.asked = nil })
		time.Sleep(45 * time.Minute)
		expect(t, s, "not yet refreshed", "good", 7)
		time.Sleep(20 * time.Minute)
		expect(t, s, "refreshed", "good", 8)

		p.set(func() { p.serial = 9 })
		k.Notified("apps")
		k.Notified("elsewhere")
		time.Sleep(2 * time.Second)
		expect(t, s, "notified", "good", 9)

		p.set(func() { p.away = true; p.asked = nil })
		time.Sleep(6*time.Hour - time.Minute)
		expect(t, s, "shortly before it expires", "good", 9)
		if n := len(p.asked); n < 250 || n > 350 { // one an hour at first, then every minute
			t.Errorf("asked %d times in six hours", n)
		}
		time.Sleep(2 * time.Minute)
		expect(t, s, "expired", "expired", 0)
		p.set(func() { p.away = false })
		time.Sleep(2 * time.Minute)
		expect(t, s, "heard again", "good", 9)
		p.set(func() { p.serial = 3 })
		k.Notified("apps")
		time.Sleep(2 * time.Second)
		expect(t, s, "the primary goes back", "good", 9)
	})
}

func TestRestartWithoutThePrimary(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := &primary{serial: 7}
		_, s, stop := begin(t, p, dir)
		expect(t, s, "fetched", "good", 7)
		stop()

		p.away = true
		_, s, stop = begin(t, p, dir)
		expect(t, s, "after a restart", "good", 7)
		time.Sleep(5 * time.Hour)
		stop()

		_, s, stop = begin(t, p, dir)
		expect(t, s, "after another", "good", 7)
		time.Sleep(61 * time.Minute)
		expect(t, s, "time went on while it was down", "expired", 0)
		stop()

		files, _ := filepath.Glob(filepath.Join(dir, "copy-*.json"))
		text, err := os.ReadFile(files[0])
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		for _, cut := range []int{0, 10, len(text) / 2, len(text) - 1} {
			if err := os.WriteFile(files[0], slices.Clone(text[:cut]), 0o600); err != nil {
				t.Fatal(err)
			}
			_, s, stop = begin(t, p, dir)
			expect(t, s, "a torn file", "none", 0)
			stop()
		}
	})
}
