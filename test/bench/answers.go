//go:build linux

package bench

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/test/fleet"
)

// flip is a change of a plan, by which clients of a name are sent to another cluster.
type flip struct {
	plan, name, cluster string
	want                netip.Addr // what is to be answered

	// When it was sent to the hub, confirmed by that, seen by a watch, and answered by each name server.
	sent, written, watched time.Time
	answered               [nameServers]time.Time
}

// nameServers is how many there are.
const nameServers = 2

// answers looks at the answers of name servers until they are what they should be.
type answers struct {
	mu      sync.Mutex
	waiting [nameServers]map[*flip]bool
	unseen  map[string]*flip // by the watch; by plan
	news    chan struct{}    // gets something when all that was waited for is there
}

func newAnswers() *answers {
	a := &answers{unseen: map[string]*flip{}, news: make(chan struct{}, 1)}
	for i := range a.waiting {
		a.waiting[i] = map[*flip]bool{}
	}
	return a
}

// add waits for a change, and for the watch to see it if it has not.
func (a *answers) add(c *flip) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.watched.IsZero() {
		a.unseen[c.plan] = c
	}
	for i := range a.waiting {
		a.waiting[i][c] = true
	}
}

// await waits until all changes are seen by the watch and answered by all name servers.
func (a *answers) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		a.mu.Lock()
		left := len(a.unseen)
		for _, w := range a.waiting {
			left += len(w)
		}
		a.mu.Unlock()
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d answers have not changed or changes were not seen: %w", left, ctx.Err())
		case <-a.news:
		}
	}
}

// follow takes the time at which a watch sees changes, until the context ends.
func (a *answers) follow(ctx context.Context, hub client.WithWatch) {
	for ctx.Err() == nil {
		w, err := hub.Watch(ctx, &trafficv1alpha1.TrafficPlanList{})
		if err != nil {
			time.Sleep(every) // the hub is busy
			continue
		}
		// A hub ends watches now and then. The next begins with everything that is there.
		for e := range w.ResultChan() {
			if p, ok := e.Object.(*trafficv1alpha1.TrafficPlan); ok {
				a.see(p)
			}
		}
	}
}

func (a *answers) see(p *trafficv1alpha1.TrafficPlan) {
	a.mu.Lock()
	if f := a.unseen[p.Name]; f != nil && p.Spec.Tiers[0].Clusters[0].Name == f.cluster {
		f.watched = time.Now()
		delete(a.unseen, p.Name)
	}
	a.mu.Unlock()
	a.wake()
}

// every is how often a name server is asked for each change that it has not answered yet, atOnce for how
// many at a time.
const (
	every  = 5 * time.Millisecond
	atOnce = 1000
)

// poll asks a name server until the context ends: over TCP, which is not limited.
func (a *answers) poll(ctx context.Context, number int, from *fleet.Host, server netip.AddrPort) {
	var conn *dns.Conn
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			if conn != nil {
				conn.Close()
			}
			return
		case <-ticker.C:
		}
		a.mu.Lock()
		var batch []*flip
		for c := range a.waiting[number] {
			if batch = append(batch, c); len(batch) == atOnce {
				break
			}
		}
		a.mu.Unlock()
		if len(batch) == 0 {
			continue
		}
		if conn == nil {
			c, err := from.DialContext(ctx, "tcp", server.String())
			if err != nil {
				continue // it may be starting
			}
			conn = &dns.Conn{Conn: c}
		}
		there, err := ask(conn, batch)
		a.take(number, there, time.Now())
		if err != nil {
			conn.Close() // for having been idle
			conn = nil
		}
	}
}

// ask returns the changes that are answered.
func ask(conn *dns.Conn, batch []*flip) (there []*flip, err error) {
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	out := bufio.NewWriter(conn.Conn)
	for i, c := range batch {
		q := new(dns.Msg).SetQuestion(c.name+".", dns.TypeA)
		q.Id, q.RecursionDesired = uint16(i), false
		b, err := q.Pack()
		if err != nil {
			return nil, err
		}
		out.Write([]byte{byte(len(b) >> 8), byte(len(b))})
		out.Write(b)
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	for range batch {
		m, err := conn.ReadMsg()
		if err != nil {
			return there, err
		}
		if int(m.Id) >= len(batch) || len(m.Answer) != 1 {
			continue
		}
		c := batch[m.Id]
		if r, ok := m.Answer[0].(*dns.A); ok && slices.Equal(r.A.To4(), c.want.AsSlice()) {
			there = append(there, c)
		}
	}
	return there, nil
}

// take notes that changes are answered.
func (a *answers) take(number int, there []*flip, at time.Time) {
	a.mu.Lock()
	for _, c := range there {
		c.answered[number] = at
		delete(a.waiting[number], c)
	}
	a.mu.Unlock()
	a.wake()
}

// wake lets await look again.
func (a *answers) wake() {
	select {
	case a.news <- struct{}{}:
	default:
	}
}
