package datagram

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// header is struct mmsghdr.
type header struct {
	unix.Msghdr
	size uint32
}

// batched receives and sends with recvmmsg and sendmmsg. The calls never block, so that they need not
// be announced to the scheduler; the netpoller parks the goroutine when there is nothing to do.
type batched struct {
	*net.UDPConn
	raw syscall.RawConn

	in, out    []header
	from       []unix.RawSockaddrInet6 // large enough for either family
	control    []byte
	controlLen int
	requests   []byte
	replies    []byte
	inStride   int
	outStride  int
	room       int // for one reply

	// What the two functions below, which are made once, have to do and what came of it.
	receive, send func(fd uintptr) bool
	received      int
	capacity      int
	most          int // capacity at first
	queued, sent  int
	failed        int
	err           error
}

// Buffers begin on different cache sets: a power of two would put the beginnings of all into the
// same few.
func stride(size int) int { return (size+63)/64*64 + 64 }

// newBatched reports false where the kernel, or what stands before it, does not know the calls.
func newBatched(c *net.UDPConn, o Options, control int) (Socket, bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, false
	}
	b := &batched{
		UDPConn: c, raw: raw, controlLen: control, room: o.Reply, inStride: stride(o.Size), outStride: stride(o.Reply),
		in: make([]header, o.Batch), out: make([]header, o.Batch),
		from:     make([]unix.RawSockaddrInet6, o.Batch),
		control:  make([]byte, control*o.Batch),
		requests: make([]byte, stride(o.Size)*o.Batch), replies: make([]byte, stride(o.Reply)*o.Batch),
	}
	vectors := make([]unix.Iovec, 2*o.Batch)
	for i := range o.Batch {
		in, out := &vectors[2*i], &vectors[2*i+1]
		in.Base = &b.requests[stride(o.Size)*i]
		in.SetLen(o.Size)
		b.in[i].Iov, b.out[i].Iov = in, out
		b.in[i].SetIovlen(1)
		b.out[i].SetIovlen(1)
		b.in[i].Name = (*byte)(unsafe.Pointer(&b.from[i]))
		if control > 0 {
			b.in[i].Control = &b.control[control*i]
		}
	}
	b.receive, b.send = b.tryReceive, b.trySend
	b.received = o.Batch // all are to be made ready
	known := false
	err = raw.Control(func(fd uintptr) {
		// No datagrams: the kernel only says whether it knows the calls.
		_, _, r := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in[0])), 0, unix.MSG_DONTWAIT, 0, 0)
		_, _, s := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.out[0])), 0, unix.MSG_DONTWAIT, 0, 0)
		if size, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
			b.capacity, b.most = size/smallDatagram, size/smallDatagram
		}
		known = (r == 0 || r == unix.EAGAIN) && (s == 0 || s == unix.EAGAIN)
	})
	return b, err == nil && known
}

// smallDatagram is what the kernel counts for a datagram of a hundred octets, with its own data about
// it.
const smallDatagram = 768

// Waiting implements Socket.
func (b *batched) Waiting() int {
	var memory [9]uint32 // SK_MEMINFO_VARS; the first is what received datagrams take
	size := uint32(unsafe.Sizeof(memory))
	_ = b.raw.Control(func(fd uintptr) {
		_, _, _ = unix.RawSyscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&memory[0])), uintptr(unsafe.Pointer(&size)), 0)
	}) // where it fails nothing is known
	return int(memory[0]) / smallDatagram
}

// Resize implements Socket.
func (b *batched) Resize(capacity int) {
	if capacity = min(capacity, b.most); capacity == b.capacity {
		return
	}
	// The kernel doubles what it is given, and counts its own data about a datagram in.
	if b.SetReadBuffer(capacity*smallDatagram/2) == nil {
		b.capacity = capacity
	}
}

// Discard implements Socket.
func (b *batched) Discard() (thrown int) {
	_ = b.raw.Control(func(fd uintptr) {
		for thrown < b.capacity {
			n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in[0])), uintptr(len(b.in)), unix.MSG_DONTWAIT, 0, 0)
			if e != 0 {
				return
			}
			thrown += int(n)
			b.received = len(b.in) // all are to be made ready
		}
	}) // a closed socket has nothing
	return thrown
}

func (b *batched) tryReceive(fd uintptr) bool {
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in[0])), uintptr(len(b.in)), unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			b.received = int(n)
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			b.err = os.NewSyscallError("recvmmsg", e)
			return true
		}
	}
}

// Receive implements Socket.
func (b *batched) Receive() (int, error) {
	for i := range b.in[:b.received] {
		h := &b.in[i]
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(b.controlLen)
	}
	b.received, b.queued, b.err = 0, 0, nil
	if err := b.raw.Read(b.receive); err != nil {
		return 0, err
	}
	return b.received, b.err
}

// Message implements Socket.
func (b *batched) Message(i int) ([]byte, netip.Addr) {
	base := i * b.inStride
	msg := b.requests[base : base+int(b.in[i].size)]
	a := &b.from[i]
	if a.Family == unix.AF_INET {
		return msg, netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(a)).Addr)
	}
	return msg, netip.AddrFrom16(a.Addr).Unmap()
}

// Buffer implements Socket.
func (b *batched) Buffer(i int) []byte {
	base := i * b.outStride
	return b.replies[base : base : base+b.room]
}

// Reply implements Socket.
func (b *batched) Reply(i int, reply []byte) {
	in, out := &b.in[i], &b.out[b.queued]
	out.Iov.Base = unsafe.SliceData(reply)
	out.Iov.SetLen(len(reply))
	out.Name, out.Namelen = in.Name, in.Namelen
	out.Control = nil
	size := 0
	if b.controlLen > 0 {
		if c := source(b.control[i*b.controlLen:][:min(int(in.Controllen), b.controlLen)]); len(c) > 0 {
			out.Control, size = &c[0], len(c)
		}
	}
	out.SetControllen(size)
	b.queued++
}

// Later implements Socket.
func (b *batched) Later(i int) func([]byte) error {
	var to netip.AddrPort
	if a := &b.from[i]; a.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(a))
		to = netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), hostOrder(v4.Port))
	} else {
		ip := netip.AddrFrom16(a.Addr)
		if a.Scope_id != 0 {
			ip = ip.WithZone(strconv.Itoa(int(a.Scope_id)))
		}
		to = netip.AddrPortFrom(ip, hostOrder(a.Port))
	}
	var control []byte
	if b.controlLen > 0 {
		control = bytes.Clone(source(b.control[i*b.controlLen:][:min(int(b.in[i].Controllen), b.controlLen)]))
	}
	return later(b.UDPConn, control, to)
}

// hostOrder is a port that the kernel wrote in the order of the network.
func hostOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

func (b *batched) trySend(fd uintptr) bool {
	for b.sent < b.queued {
		n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.out[b.sent])), uintptr(b.queued-b.sent), unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			b.sent += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			// It is the first of them that cannot be sent.
			b.sent++
			b.failed++
		}
	}
	return true
}

// Send implements Socket. It waits where the kernel's buffer is full; meanwhile datagrams are lost at
// the other end of the socket, which is the cheapest place.
func (b *batched) Send() (failed int) {
	if b.queued == 0 {
		return 0
	}
	b.sent, b.failed = 0, 0
	if err := b.raw.Write(b.send); err != nil {
		b.failed += b.queued - b.sent
	}
	b.queued = 0
	return b.failed
}

// Address implements Socket.
func (b *batched) Address() netip.AddrPort { return b.LocalAddr().(*net.UDPAddr).AddrPort() }
