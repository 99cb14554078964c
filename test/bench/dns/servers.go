package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	miekg "github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/cookie"
	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/limit"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/geodb"
	"github.com/seaway-io/seaway/dns/geotest"
	"github.com/seaway-io/seaway/dns/server"
)

// serveOurs is the server with everything on: limits, cookies, metrics. It answers until its input
// ends; "stats" there is answered with the number of allocations. slow is what each query costs on
// top, to have a server that can be overloaded fivefold from one core.
func serveOurs(w world, geoNames, signed bool, slow time.Duration, total int) error {
	source, _ := geodb.BuiltIn()
	if geoNames {
		source = geotest.City(geotest.CityNetworks) // geography is measured with a database that is worth it
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	e := engine.New(engine.Options{VantagePoint: "bench", Places: geo.Compile(source), Log: log}, nil)
	objects := w.objects(geoNames)
	if signed {
		var domains []string
		for _, z := range objects.Zones {
			domains = append(domains, z.Spec.Domain)
		}
		var err error
		if objects.Keys, err = rings(domains); err != nil {
			return err
		}
	}
	e.SetObjects(objects)
	id, err := answer.NewIdentity("bench", "bench", time.Second)
	if err != nil {
		return err
	}
	rules := &accept.Rules{Identity: id, Accounts: limit.NewTable(1<<15, [2]uint64{1, 2}), Same: limit.PerSecond(200),
		All: limit.PerSecond(5000), Slip: 2, Amplification: 10}
	secrets, err := cookie.NewSecrets(cookie.Secret{1})
	if err != nil {
		return err
	}
	rules.SetSecrets(secrets)
	snapshot := e.Snapshot
	if slow > 0 {
		n := int(slow / work(1))
		snapshot = func() *zone.Snapshot {
			work(n)
			return e.Snapshot()
		}
	}
	s, err := server.Listen(server.Options{Addresses: []string{"127.0.0.1:0"}, Rules: rules, Snapshot: snapshot, Log: log,
		TCP: server.TCPLimits{Total: total, PerClient: total, Idle: time.Hour}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(ctx)
	}()
	talk(s.Addresses()[0])
	cancel()
	<-done
	return nil
}

// work uses the CPU for n units; of one unit it returns how long it takes at best.
func work(n int) time.Duration {
	const unit = 1000
	if n != 1 {
		spin(n * unit)
		return 0
	}
	shortest := time.Hour
	for range 100 {
		began := time.Now()
		spin(unit)
		shortest = min(shortest, time.Since(began))
	}
	return max(shortest, 1)
}

var spun atomic.Uint64

func spin(n int) {
	x := uint64(n)
	for range n {
		x = x*6364136223846793005 + 1442695040888963407
	}
	spun.Store(x)
}

// talk tells where a server answers and serves its input until that ends.
func talk(at netip.AddrPort) {
	debug.FreeOSMemory()
	fmt.Println("ready", at.Port())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println("mallocs", m.Mallocs)
	}
}

// serveHandler is what one writes with the library alone: a map and a handler.
func serveHandler(w world) error {
	records, apexes := map[string]miekg.RR{}, map[string]miekg.RR{}
	for i := range w.zones {
		soa, err := miekg.NewRR(w.zone(i) + ". 60 IN SOA ns1.example.net. admin.example.net. 1 3600 600 86400 60")
		if err != nil {
			return err
		}
		apexes[w.zone(i)+"."] = soa
	}
	for i := range w.names {
		name := label(i) + "." + w.zone(i) + "."
		rr, err := miekg.NewRR(name + " 300 IN A " + address(i))
		if err != nil {
			return err
		}
		records[name] = rr
	}
	handler := func(rw miekg.ResponseWriter, q *miekg.Msg) {
		m := new(miekg.Msg)
		m.SetReply(q)
		m.Authoritative = true
		name := strings.ToLower(q.Question[0].Name)
		if rr := records[name]; rr != nil {
			m.Answer = []miekg.RR{rr}
		} else {
			m.Rcode = miekg.RcodeNameError
			_, apex, _ := strings.Cut(name, ".")
			m.Ns = []miekg.RR{apexes[apex]}
		}
		_ = rw.WriteMsg(m) // the client is told nothing twice
	}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &miekg.Server{PacketConn: c, Handler: miekg.HandlerFunc(handler)}
	var closing atomic.Bool
	failed := make(chan error, 1)
	go func() {
		err := s.ActivateAndServe()
		if closing.Load() {
			err = nil
		}
		failed <- err
	}()
	talk(netip.MustParseAddrPort(c.LocalAddr().String()))
	closing.Store(true)
	return errors.Join(s.Shutdown(), <-failed)
}
