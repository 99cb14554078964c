// Package limit counts answers and connections by who causes them, in a table of fixed size that any
// number of workers share without a lock.
//
// An account is a leaky bucket, in the form of the generic cell rate algorithm: one time, until which
// the account is used up. It fits with a mark of whose it is into one word, which is changed by one
// compare-and-swap. Who makes up addresses or names without end only pushes out the accounts that
// have been quiet for longest; nothing grows.
//
// The package reads no clock, and does not know what is counted or what becomes of those who are over
// their limit.
package limit

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"sync/atomic"
	"time"
)

// ways is how many accounts share a cache line, among which a new one finds its place.
const ways = 8

type line [ways]atomic.Uint64

// A slot is a mark in its upper bits and a time in microseconds in its lower ones.
const (
	timeBits = 40
	timeMask = 1<<timeBits - 1
	half     = 1 << (timeBits - 1)
)

// Table holds accounts.
type Table struct {
	lines []line
	seed  [2]uint64
}

// NewTable makes a table for at least so many accounts, of 8 octets each. The seed is random, so that
// nobody outside can choose addresses that share an account.
func NewTable(accounts int, seed [2]uint64) *Table {
	lines := 1
	for lines*ways < accounts {
		lines *= 2
	}
	return &Table{lines: make([]line, lines), seed: seed}
}

// Rate is how many of something a second there may be, and how many at once after a pause.
type Rate struct {
	interval uint64 // microseconds for each
	burst    uint64 // microseconds that may be used up ahead
}

// PerSecond is a rate of n a second, with a burst of what one second gives. n is 1 to 1,000,000.
func PerSecond(n int) Rate {
	n = min(max(n, 1), 1_000_000)
	interval := uint64(1_000_000 / n)
	return Rate{interval, max(1_000_000, interval)}
}

// Key names an account.
type Key uint64

// Key of what an address and a kind of thing and a name have in common. Only the network of the
// address counts: its first 24 bits for IPv4, 56 for IPv6.
func (t *Table) Key(client netip.Addr, kind uint8, name []byte) Key {
	var hi, lo uint64
	if client.Is4() {
		a := client.As4()
		hi, lo = uint64(binary.BigEndian.Uint32(a[:])>>8), 4
	} else {
		a := client.As16()
		hi, lo = binary.BigEndian.Uint64(a[:])>>8, 6
	}
	h := fold(hi^t.seed[0], lo<<8^uint64(kind)^t.seed[1])
	left := uint64(len(name)) << 56
	for ; len(name) >= 8; name = name[8:] {
		h = fold(h^binary.LittleEndian.Uint64(name), t.seed[1])
	}
	for i, c := range name {
		left |= uint64(c) << (8 * i)
	}
	return Key(fold(h^left, t.seed[0]^0x9E3779B97F4A7C15))
}

// fold mixes two words into one.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b|1)
	return hi ^ lo
}

// tries is how often a change is attempted while others change the same cache line.
const tries = 8

// Take takes one from an account and reports whether there was one to take.
func (t *Table) Take(k Key, r Rate, now time.Time) bool {
	at := uint64(now.UnixMicro()) & timeMask
	mark := uint64(k) >> timeBits << timeBits
	l := &t.lines[uint64(k)&uint64(len(t.lines)-1)]
	for range tries {
		slot, old := l.find(mark, at)
		used := uint64(0) // beyond now
		if old>>timeBits<<timeBits == mark {
			// What seems to be far ahead is the leftover of an account from days ago.
			if ahead := (old - at) & timeMask; ahead <= r.burst {
				used = ahead
			}
		}
		if used+r.interval > r.burst {
			return false
		}
		if l[slot].CompareAndSwap(old, mark|(at+used+r.interval)&timeMask) {
			return true
		}
	}
	// Others were faster every time: there is something to take, or they had not got it.
	return true
}

// find is the slot with a mark, or else the one that has been quiet for longest.
func (l *line) find(mark, at uint64) (slot int, value uint64) {
	quiet := uint64(0)
	for i := range l {
		v := l[i].Load()
		if v>>timeBits<<timeBits == mark && v != 0 {
			return i, v
		}
		// How long the account has been full again, as time that goes round.
		since := (at - v + half) & timeMask
		if v == 0 {
			since = timeMask
		}
		if since >= quiet {
			quiet, slot, value = since, i, v
		}
	}
	return slot, value
}
