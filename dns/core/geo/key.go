package geo

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// key is an address as 128 bits, its first bit first. An IPv4 address fills the upper 32 bits and
// leaves the others zero, so that both families are the same arithmetic: the block of n bits that
// begins at k ends at k.end(n) in either.
type key struct{ hi, lo uint64 }

var lastKey = key{^uint64(0), ^uint64(0)}

// keyOf is the key of an address and whether the address is IPv4. IPv4-mapped addresses are left as
// they are: IPv6.
func keyOf(a netip.Addr) (k key, v4 bool) {
	if a.Is4() {
		b := a.As4()
		return key{hi: uint64(binary.BigEndian.Uint32(b[:])) << 32}, true
	}
	b := a.As16()
	return key{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}, false
}

// addr is the address of a key.
func (k key) addr(v4 bool) netip.Addr {
	if v4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(k.hi>>32))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	return netip.AddrFrom16(b)
}

func (k key) less(o key) bool {
	return k.hi < o.hi || k.hi == o.hi && k.lo < o.lo
}

func (k key) compare(o key) int {
	switch {
	case k.less(o):
		return -1
	case o.less(k):
		return 1
	}
	return 0
}

// end is the last key of the block of the given prefix length around k.
func (k key) end(bits int) key {
	m := maskOf(bits)
	return key{k.hi | ^m.hi, k.lo | ^m.lo}
}

// maskOf has the first bits set; bits is 0 to 128. Go's shifts by 64 and more give zero.
func maskOf(bits int) key {
	if bits <= 64 {
		return key{hi: ^uint64(0) << (64 - bits)}
	}
	return key{^uint64(0), ^uint64(0) << (128 - bits)}
}

// next is k + 1; the last key wraps to zero.
func (k key) next() key {
	k.lo++
	if k.lo == 0 {
		k.hi++
	}
	return k
}

// prev is k - 1; zero wraps to the last key.
func (k key) prev() key {
	if k.lo == 0 {
		k.hi--
	}
	k.lo--
	return k
}

// commonBits counts the leading bits that two keys share.
func (k key) commonBits(o key) int {
	if k.hi != o.hi {
		return bits.LeadingZeros64(k.hi ^ o.hi)
	}
	return 64 + bits.LeadingZeros64(k.lo^o.lo)
}

// shifted drops the first n bits and moves the others up.
func (k key) shifted(n int) key {
	if n >= 64 {
		return key{hi: k.lo << (n - 64)}
	}
	return key{k.hi<<n | k.lo>>(64-n), k.lo << n}
}

// with sets the six bits after the first n to those of slot.
func (k key) with(slot uint64, n int) key {
	slot <<= 64 - stride
	if n >= 64 {
		k.lo |= slot >> (n - 64)
		return k
	}
	k.hi |= slot >> n
	k.lo |= slot << (64 - n)
	return k
}
