package limit

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	seed  = [2]uint64{0x0123456789ABCDEF, 0xFEDCBA9876543210}
	begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// Over any stretch of time an account gives no more than its rate and one burst, and one that stays
// below its rate always gets what it asks for.
func TestRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(64, seed)
		n := rapid.SampledFrom([]int{1, 3, 200, 5000}).Draw(t, "rate")
		k := table.Key(netip.MustParseAddr("192.0.2.1"), 1, []byte("name"))
		now, taken := begin, 0
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Millisecond)).Draw(t, "pause")))
			if table.Take(k, PerSecond(n), now) {
				taken++
			}
		}
		most := float64(n)*now.Sub(begin).Seconds()*1.001 + float64(n) + 2
		if float64(taken) > most {
			t.Fatalf("%d in %v at %d a second", taken, now.Sub(begin), n)
		}
	})
	table := NewTable(64, seed)
	k := table.Key(netip.MustParseAddr("192.0.2.1"), 1, nil)
	for i := range 10_000 {
		if !table.Take(k, PerSecond(200), begin.Add(time.Duration(i)*5*time.Millisecond)) {
			t.Fatalf("the %d. was refused", i)
		}
	}
}

func TestAccounts(t *testing.T) {
	table := NewTable(1024, seed)
	key := func(addr string, kind uint8, name string) Key {
		return table.Key(netip.MustParseAddr(addr), kind, []byte(name))
	}
	first := key("192.0.2.1", 1, "www")
	for name, c := range map[string]struct {
		k    Key
		same bool
	}{
		"a neighbour":      {key("192.0.2.254", 1, "www"), true},
		"the next network": {key("192.0.3.1", 1, "www"), false},
		"another name":     {key("192.0.2.1", 1, "wwx"), false},
		"a longer name":    {key("192.0.2.1", 1, "www\x00"), false},
		"another kind":     {key("192.0.2.1", 2, "www"), false},
		"an IPv6 address":  {key("::c000:201", 1, "www"), false},
	} {
		if (c.k == first) != c.same {
			t.Errorf("%s: %x and %x", name, c.k, first)
		}
	}
	if key("2001:db8:0:ff::1", 1, "") != key("2001:db8::", 1, "") || key("2001:db8:0:100::", 1, "") == key("2001:db8::", 1, "") {
		t.Error("56 bits of an IPv6 address make a client")
	}
}

// Strangers without number do not make an account that is in use forget what it has used.
func TestQuietAccountsMakeRoom(t *testing.T) {
	table := NewTable(ways, seed) // one line
	now := begin
	busy := table.Key(netip.MustParseAddr("192.0.2.1"), 1, nil)
	for table.Take(busy, PerSecond(100), now) {
	}
	for i := range 1000 {
		k := table.Key(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 1, nil)
		if !table.Take(k, PerSecond(100), now) {
			t.Fatal("a stranger was refused")
		}
		if table.Take(busy, PerSecond(100), now) {
			t.Fatalf("forgotten after %d strangers", i)
		}
	}
	// And days later, when time has gone round, it is as if nothing had been.
	for _, d := range []time.Duration{time.Minute, 7 * 24 * time.Hour, 1 << timeBits * time.Microsecond} {
		if !table.Take(busy, PerSecond(100), now.Add(d)) {
			t.Errorf("still refused after %v", d)
		}
	}
}

// Workers that share an account share its rate.
func TestWorkersShare(t *testing.T) {
	table := NewTable(64, seed)
	k := table.Key(netip.MustParseAddr("192.0.2.1"), 1, nil)
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				if table.Take(k, PerSecond(500), begin) {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n < 500 || n > 520 {
		t.Errorf("%d were taken at once, want 500 or a few more", n)
	}
}

func BenchmarkTake(b *testing.B) {
	for _, clients := range []int{1, 1 << 16} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			table := NewTable(1<<15, seed)
			name := []byte("\x05h1234\x04apps\x07example\x03com\x00")
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				c := i * 7919 % clients
				k := table.Key(netip.AddrFrom4([4]byte{10, byte(c >> 8), byte(c), 1}), 1, name)
				table.Take(k, PerSecond(200), begin.Add(time.Duration(i)*time.Microsecond))
			}
		})
	}
}
