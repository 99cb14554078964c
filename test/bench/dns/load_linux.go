package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// load sends queries from many addresses of the loopback network over one socket, and counts what
// comes back.
type load struct {
	fd       int
	set      set
	random   *rand.Rand
	in, out  []mmsg
	to       unix.RawSockaddrInet4
	buf      [batch][2048]byte
	query    [batch][512]byte
	control  [batch][cmsgSize]byte
	stamp    [batch][cmsgSize]byte
	flight   [1 << 16]flight
	free     []uint16
	latency  []time.Duration
	result   result
	sampling bool
}

const (
	batch    = 64
	cmsgSize = 32
)

type mmsg struct {
	unix.Msghdr
	size uint32
}

// flight is a query that was sent.
type flight struct {
	query int32 // index plus one; 0 if none is under way
	at    time.Time
}

// result of a round.
type result struct {
	sent, answered, wrong, lost int
	skipped                     int // what was not sent in time, and then not at all
	took                        time.Duration
	p50, p99                    time.Duration
}

func newLoad(port int, s set) (*load, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<20)
	if err := unix.Bind(fd, &unix.SockaddrInet4{}); err != nil {
		return nil, err
	}
	// The kernel says when an answer came: this program may have been without its core then.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return nil, err
	}
	wait := unix.NsecToTimeval((20 * time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return nil, err
	}
	l := &load{fd: fd, set: s, random: rand.New(rand.NewPCG(3, uint64(time.Now().UnixNano()))), in: make([]mmsg, batch), out: make([]mmsg, batch)}
	l.to = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{127, 0, 0, 1}, Port: uint16(port>>8) | uint16(port&0xFF)<<8}
	vectors := make([]unix.Iovec, 2*batch)
	for i := range batch {
		in, out := &vectors[2*i], &vectors[2*i+1]
		in.Base, out.Base = &l.buf[i][0], &l.query[i][0]
		in.SetLen(len(l.buf[i]))
		l.in[i].Iov, l.out[i].Iov = in, out
		l.in[i].SetIovlen(1)
		l.out[i].SetIovlen(1)
		l.in[i].Control = &l.stamp[i][0]
		l.out[i].Name, l.out[i].Namelen = (*byte)(unsafe.Pointer(&l.to)), unix.SizeofSockaddrInet4
		h := (*unix.Cmsghdr)(unsafe.Pointer(&l.control[i][0]))
		h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		h.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
		l.out[i].Control = &l.control[i][0]
		l.out[i].SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	}
	for id := range 1 << 16 {
		l.free = append(l.free, uint16(id))
	}
	return l, nil
}

func (l *load) close() { unix.Close(l.fd) }

// prepare writes the next query into a slot of the batch. Clients are 127.x.y.z with more than
// 100,000 networks among them.
func (l *load) prepare(slot int, now time.Time) {
	id := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	r := l.random.Uint64()
	n := int32(r % uint64(len(l.set.queries)))
	q := l.query[slot][:copy(l.query[slot][:], l.set.queries[n])]
	q[0], q[1] = byte(id>>8), byte(id)
	if l.set.ecs > 0 {
		e := l.random.Uint64()
		at := len(q) - l.set.ecs
		q[at], q[at+1], q[at+2] = byte(1+e%223), byte(e>>8), byte(e>>16)
	}
	l.out[slot].Iov.SetLen(len(q))
	// struct in_pktinfo: interface, source, destination.
	source := l.control[slot][unix.CmsgLen(0)+4:][:4]
	source[0], source[1], source[2], source[3] = 127, 1+byte(r>>40)%200, byte(r>>48), 1+byte(r>>56)%250
	l.flight[id] = flight{n + 1, now}
}

func (l *load) send(count int) int {
	for {
		n, _, e := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(l.fd), uintptr(unsafe.Pointer(&l.out[0])), uintptr(count), 0, 0, 0)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return 0
		}
		return int(n)
	}
}

// receive takes what has come and checks it.
func (l *load) receive(flags uintptr) int {
	for i := range l.in {
		l.in[i].SetControllen(cmsgSize)
	}
	n, _, e := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(l.fd), uintptr(unsafe.Pointer(&l.in[0])), batch, flags, 0, 0)
	if e != 0 {
		return 0
	}
	for i := range int(n) {
		b := l.buf[i][:l.in[i].size]
		if len(b) < 12 {
			l.result.wrong++
			continue
		}
		id := uint16(b[0])<<8 | uint16(b[1])
		f := &l.flight[id]
		if f.query == 0 {
			continue // it was given up
		}
		q := l.set.queries[f.query-1]
		end := 12 + bytes.IndexByte(q[12:], 0) + 5
		if len(b) < end || !bytes.Equal(b[12:end], q[12:end]) {
			continue // the answer to one that was given up
		}
		if b[3]&0xF != l.set.rcode || b[2]&0x82 != 0x80 {
			l.result.wrong++
		} else {
			l.result.answered++
			if l.sampling {
				l.latency = append(l.latency, l.arrived(i).Sub(f.at))
			}
		}
		f.query = 0
		l.free = append(l.free, id)
	}
	return int(n)
}

// arrived is when the kernel had an answer.
func (l *load) arrived(slot int) time.Time {
	head := unix.CmsgLen(0)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&l.stamp[slot][0]))
	if int(l.in[slot].Controllen) < head || h.Level != unix.SOL_SOCKET || h.Type != unix.SCM_TIMESTAMPNS {
		return time.Now()
	}
	at := (*unix.Timespec)(unsafe.Pointer(&l.stamp[slot][head]))
	return time.Unix(at.Unix())
}

// giveUp takes back what has not been answered for a while.
func (l *load) giveUp(now time.Time, after time.Duration) {
	for id := range l.flight {
		if f := &l.flight[id]; f.query != 0 && now.Sub(f.at) > after {
			f.query = 0
			l.free = append(l.free, uint16(id))
			l.result.lost++
		}
	}
}

// closed keeps a number of queries under way: as many answers as the server can give.
func (l *load) closed(d time.Duration, window int) result {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.result = result{}
	began := time.Now()
	for now := began; now.Sub(began) < d; now = time.Now() {
		under := 1<<16 - len(l.free)
		if n := min(batch, window-under); n > 0 && (n >= batch/4 || under == 0) {
			for i := range n {
				l.prepare(i, now)
			}
			l.result.sent += l.send(n)
		}
		if l.receive(unix.MSG_WAITFORONE) == 0 {
			l.giveUp(now, 100*time.Millisecond)
		}
	}
	return l.finish(began)
}

// behind is how much is caught up at once when this program did not get its core for a while. It is
// little: a burst that only this program made says nothing about a server.
const behind = 200 * time.Microsecond

// open sends so many queries a second, whatever comes back.
func (l *load) open(d time.Duration, rate int) result {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.result, l.latency, l.sampling = result{}, l.latency[:0], true
	began, looked, skipped := time.Now(), time.Now(), 0
	for now := began; now.Sub(began) < d; now = time.Now() {
		due := int(now.Sub(began).Seconds()*float64(rate)) - l.result.sent - skipped
		if most := int(behind.Seconds() * float64(rate)); due > most {
			skipped += due - most
			due = most
		}
		if n := min(batch/2, due, len(l.free)); n > 0 {
			for i := range n {
				l.prepare(i, now)
			}
			l.result.sent += l.send(n)
		}
		l.receive(unix.MSG_DONTWAIT)
		if now.Sub(looked) > 50*time.Millisecond {
			l.giveUp(now, 400*time.Millisecond)
			looked = now
		}
	}
	l.result.skipped = skipped
	r := l.finish(began)
	l.sampling = false
	return r
}

func (l *load) finish(began time.Time) result {
	r := l.result
	r.took = time.Since(began)
	for l.receive(unix.MSG_WAITFORONE) > 0 { // what is still under way belongs to nobody
	}
	l.giveUp(time.Now().Add(time.Hour), 0)
	if len(l.latency) > 0 {
		slices.Sort(l.latency)
		r.p50, r.p99 = l.latency[len(l.latency)/2], l.latency[len(l.latency)*99/100]
	}
	return r
}

func (r result) rate() float64 { return float64(r.answered) / r.took.Seconds() }

func (r result) String() string {
	return fmt.Sprintf("%d sent, %d answered, %d wrong, %d lost in %v", r.sent, r.answered, r.wrong, r.lost, r.took.Round(time.Millisecond))
}
