//go:build linux

package netspace

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Link describes a slow or lossy cable. The zero value is a perfect one. It acts on both directions
// alike, so that a round trip takes twice the delay.
type Link struct {
	// Delay is the time one packet spends on the cable.
	Delay time.Duration
	// Rate is the capacity in bytes a second; 0 means without limit.
	Rate int64
	// Loss is the share of packets that vanish, from 0 to 1.
	Loss float64
}

// queueLength bounds the packets in flight on a slow cable in one direction. More are dropped, as by
// any device with a finite buffer.
const queueLength = 2000

// frameSize holds the largest packet the kernel hands over unsegmented, with its link header and the
// header that PACKET_VNET_HDR puts in front.
const frameSize = 1<<16 + 64

// SetLink makes a port's cable slow, or perfect again. The kernel's own delay queue (netem) is often
// not built in, so the port is taken off the bridge and a pair of goroutines carry the packets.
func (s *Switch) SetLink(port string, link Link) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.Do(func() error {
		if old := s.wires[port]; old != nil {
			delete(s.wires, port)
			if err := old.remove(); err != nil {
				return err
			}
		}
		if link == (Link{}) {
			return nil
		}
		w, err := splice(port, link)
		if err == nil {
			s.wires[port] = w
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("switch %s, port %s: slow link: %w", s.name, port, err)
	}
	return nil
}

// wire is a port that is joined to the bridge through this program:
//
//	port =socket= goroutines =socket= near end ~veth~ far end, in the bridge
type wire struct {
	port, near string
	ends       [2]*os.File
	removed    chan struct{}
	done       sync.WaitGroup
}

// splice runs on a thread of the switch's namespace.
func splice(port string, link Link) (_ *wire, err error) {
	outer, err := netlink.LinkByName(port)
	if err != nil {
		return nil, err
	}
	w := &wire{port: port, near: fmt.Sprintf("near%d", outer.Attrs().Index), removed: make(chan struct{})}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = w.near
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: fmt.Sprintf("far%d", outer.Attrs().Index)}
	if err := netlink.LinkAdd(pair); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.remove())
		}
	}()
	far, err := netlink.LinkByName(pair.PeerName)
	if err != nil {
		return nil, err
	}
	for _, end := range []netlink.Link{pair, far} {
		if err := netlink.LinkSetARPOff(end); err != nil {
			return nil, err
		}
	}
	if err := netlink.LinkSetUp(pair); err != nil {
		return nil, err
	}
	if err := plug(far); err != nil {
		return nil, err
	}
	for _, name := range []string{w.near, pair.PeerName} {
		if err := awaitUp(name); err != nil {
			return nil, err
		}
	}
	if err := netlink.LinkSetNoMaster(outer); err != nil {
		return nil, err
	}
	for i, end := range []netlink.Link{outer, pair} {
		if w.ends[i], err = openPacketSocket(end.Attrs().Index); err != nil {
			return nil, err
		}
	}
	w.carry(w.ends[0], w.ends[1], link)
	w.carry(w.ends[1], w.ends[0], link)
	return w, nil
}

// remove undoes splice, also a splice that got only half way. It runs on a thread of the switch's
// namespace.
func (w *wire) remove() error {
	close(w.removed)
	for _, end := range w.ends {
		if end != nil {
			end.Close()
		}
	}
	w.done.Wait()
	near, err := netlink.LinkByName(w.near)
	if err != nil {
		return err
	}
	if err := netlink.LinkDel(near); err != nil {
		return err
	}
	outer, err := netlink.LinkByName(w.port)
	if err != nil {
		return err
	}
	up := outer.Attrs().Flags&unix.IFF_UP != 0
	br, err := netlink.LinkByName(bridge)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetMaster(outer, br); err != nil || !up {
		return err
	}
	return netlink.LinkSetUp(outer)
}

type frame struct {
	due  time.Time
	data []byte
}

// carry moves packets one way until the sockets are closed. Every packet is due after the one before
// it has been sent at the link's rate, plus the delay.
func (w *wire) carry(from io.Reader, to io.Writer, link Link) {
	queue := make(chan frame, queueLength)
	w.done.Go(func() {
		defer close(queue)
		var free time.Time // when the cable has sent all it was given
		buffer := make([]byte, frameSize)
		for {
			n, err := from.Read(buffer)
			if errors.Is(err, unix.ENETDOWN) {
				continue // the port is disconnected; reading blocks again until it is back
			}
			if err != nil {
				return
			}
			if rand.Float64() < link.Loss {
				continue
			}
			now := time.Now()
			if free.Before(now) {
				free = now
			}
			if link.Rate > 0 {
				free = free.Add(time.Duration(int64(n) * int64(time.Second) / link.Rate))
			}
			select {
			case queue <- frame{due: free.Add(link.Delay), data: append([]byte(nil), buffer[:n]...)}:
			default:
			}
		}
	})
	w.done.Go(func() {
		for frame := range queue {
			select {
			case <-time.After(time.Until(frame.due)):
				// An error means that the far side is down: the packet is lost, as on a real cable.
				_, _ = to.Write(frame.data)
			case <-w.removed:
				return
			}
		}
	})
}

// openPacketSocket opens a socket that reads what arrives on an interface and writes what leaves it.
// PACKET_VNET_HDR keeps unfinished checksums and unsegmented packets as they are, since the other end
// takes them as they are.
func openPacketSocket(index int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "packet socket")
	for _, option := range []int{unix.PACKET_VNET_HDR, unix.PACKET_IGNORE_OUTGOING} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, option, 1); err != nil {
			file.Close()
			return nil, fmt.Errorf("packet socket option %d: %w", option, err)
		}
	}
	all := uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8 // network byte order
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}); err != nil {
		file.Close()
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	return file, nil
}
