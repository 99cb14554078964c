//go:build linux

package resolvers

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

const (
	changeTTL   = 10
	negativeTTL = 5
)

// How long a change takes through resolvers of every temper: it is measured and printed, and must
// arrive. What is asserted is that no resolver was given longer to remember than it should.
func TestChanges(t *testing.T) {
	n := newInternet(t, documents(changeTTL, negativeTTL))
	resolvers := []struct {
		name string
		*resolver
	}{
		{"unbound", n.unbound(t, american, "iterator", "")},
		{"unbound, prefetch", n.unbound(t, "10.2.0.54", "iterator", "prefetch: yes")},
		{"unbound, serve-expired", n.unbound(t, "10.2.0.55", "iterator", "serve-expired: yes")},
		{"unbound, serve-expired after 1.8 s", n.unbound(t, "10.2.0.56", "iterator", "serve-expired: yes\nserve-expired-client-timeout: 1800")},
		{"unbound, cache-min-ttl 20", n.unbound(t, "10.2.0.57", "iterator", "cache-min-ttl: 20")},
		{"bind", n.bind(t, singaporean, "")},
		{"bind, no prefetch", n.bind(t, "10.3.0.54", "prefetch 0;")},
		{"bind, stale answers at once", n.bind(t, "10.3.0.55", "stale-answer-enable yes;\nstale-cache-enable yes;\nstale-answer-client-timeout 0;")},
	}
	const busy, quiet, added, typeAdded = "busy.tenants.apps.test", "quiet.tenants.apps.test", "new.apps.test", "sibling.wild.apps.test"
	old := map[string]string{}
	for _, r := range resolvers {
		m := r.resolve(t, "", busy, miekg.TypeA)
		old[r.name] = joined(m)
		honest := !strings.Contains(r.name, "cache-min-ttl")
		if ttl := m.Answer[0].Header().Ttl; honest && ttl > changeTTL {
			t.Errorf("%s remembers for %d s", r.name, ttl)
		}
		r.resolve(t, "", quiet, miekg.TypeA)
		for _, m := range []*miekg.Msg{r.resolve(t, "", added, miekg.TypeA), r.resolve(t, "", typeAdded, miekg.TypeTXT)} {
			if len(m.Answer) > 0 || len(m.Ns) != 1 || honest && m.Ns[0].Header().Ttl > negativeTTL {
				t.Errorf("%s: %v", r.name, m)
			}
		}
	}

	changed := strings.NewReplacer("  - {name: big,", "  - {name: new, type: A, values: [192.0.2.70]}\n  - {name: sibling.wild, type: TXT, values: [here]}\n  - {name: big,").
		Replace(documents(changeTTL, negativeTTL))
	began := time.Now()
	for _, a := range []*authority{n.ns1, n.ns2} {
		a.down("iad", true)
		a.down("sin", true)
		a.set(t, changed)
	}
	type line struct{ busy, quiet, added, typeAdded string }
	table := make([]line, len(resolvers))
	var wg sync.WaitGroup
	watch := func(into *string, r *resolver, name string, rrtype uint16, start time.Duration, there func(got string) bool) {
		wg.Go(func() {
			stale := 0
			time.Sleep(time.Until(began.Add(start)))
			for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
				m, err := r.internet.exchange(r.addr, "", question(name, rrtype), askAgain)
				if err == nil && there(joined(m)) {
					*into = fmt.Sprintf("%.1f s", time.Since(began).Seconds())
					if start > 0 {
						*into += fmt.Sprintf(", %d old answers", stale)
					}
					return
				}
				stale++
				if time.Since(began) > 4*changeTTL*time.Second {
					t.Errorf("%s: %s has not changed: %v, %v", r.addr, name, m, err)
					return
				}
			}
		})
	}
	for i, r := range resolvers {
		other := func(got string) bool { return got != "" && got != old[r.name] }
		watch(&table[i].busy, r.resolver, busy, miekg.TypeA, 0, other)
		watch(&table[i].quiet, r.resolver, quiet, miekg.TypeA, (changeTTL+2)*time.Second, other)
		watch(&table[i].added, r.resolver, added, miekg.TypeA, 0, func(got string) bool { return got == "A 192.0.2.70" })
		watch(&table[i].typeAdded, r.resolver, typeAdded, miekg.TypeTXT, 0, func(got string) bool { return got == `TXT "here"` })
	}
	wg.Wait()
	var b strings.Builder
	fmt.Fprintf(&b, "TTL %d s, of what is not there %d s. After the change:\n", changeTTL, negativeTTL)
	const format = "%-36s %-16s %-26s %-14s %s\n"
	fmt.Fprintf(&b, format, "RESOLVER", "ASKED ALL ALONG", fmt.Sprintf("FIRST ASKED AFTER %d s", changeTTL+2), "NAME ADDED", "TYPE ADDED")
	for i, l := range table {
		fmt.Fprintf(&b, format, resolvers[i].name, l.busy, l.quiet, l.added, l.typeAdded)
	}
	t.Log("\n" + b.String())
}
