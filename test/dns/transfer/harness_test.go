package transfer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/secondary"
	"github.com/seaway-io/seaway/dns/server"
	"github.com/seaway-io/seaway/dns/transfer"
	"github.com/seaway-io/seaway/dns/tsig"
	"github.com/seaway-io/seaway/dns/update"
)

// Keys in base64.
const (
	key1 = "c2Vhd2F5LXRlc3Qta2V5LW9uZS1zZWF3YXk="
	key2 = "c2Vhd2F5LXRlc3Qta2V5LXR3by1zZWF3YXk="
)

const apex = "apps.example.com."

// primary is a server of ours with a hub in memory.
type primary struct {
	t       *testing.T
	engine  *engine.Engine
	sockets *server.Server
	aside   *transfer.Handler
	updates *update.Handler
	copies  *secondary.Keeper
	rules   *accept.Rules
	log     *journal

	mu      sync.Mutex
	objects engine.Objects
	version int
}

// journal is what a server logs.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// later is what the sockets need and only comes behind them.
type later struct{ p *primary }

func (l later) Later(ctx context.Context, msg []byte, from netip.Addr, send func([]byte) error) bool {
	return l.p.aside.Later(ctx, msg, from, send)
}

func (l later) Stream(ctx context.Context, msg []byte, from netip.Addr, send func([]byte) error) error {
	return l.p.aside.Stream(ctx, msg, from, send)
}

// start serves documents, as the name server program does.
func start(t *testing.T, documents string, change func(z *v1.Zone)) *primary {
	t.Helper()
	in := zonetest.Input(t, documents)
	if change != nil {
		change(in.Zones[0])
	}
	id, err := answer.NewIdentity("Seaway", "ns1", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	p := &primary{t: t, log: &journal{}, rules: &accept.Rules{Identity: id}, objects: engine.Objects{Zones: in.Zones, Plans: in.Plans, RegionMaps: in.RegionMaps}}
	log := slog.New(slog.NewTextHandler(p.log, nil))
	changed := func() {
		if p.aside != nil {
			p.aside.Changed()
		}
	}
	p.engine = engine.New(engine.Options{VantagePoint: "ns1", Places: in.Places, Changed: changed, Flipped: changed, Log: log}, nil)
	t.Cleanup(p.engine.Close)
	certificate := selfSigned(t)
	p.sockets, err = server.Listen(server.Options{
		Addresses: []string{"127.0.0.1:0"}, TLS: []string{"127.0.0.1:0"}, HTTPS: []string{"127.0.0.1:0"}, QUIC: []string{"127.0.0.1:0"}, Workers: 1, Rules: p.rules,
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil },
		Snapshot:    p.engine.Snapshot, Aside: later{p}, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := tsig.NewRing(p.Secret)
	p.updates = update.New(update.Options{Store: p, Keys: keys, Objects: p.engine.Objects, Snapshot: p.engine.Snapshot, Log: log})
	p.copies = secondary.New(secondary.Options{
		Zones:     func() []*v1.Zone { return p.engine.Objects().Zones },
		SetCopies: p.engine.SetCopies, Keys: keys, Dir: t.TempDir(), Log: log,
	})
	p.aside = transfer.New(transfer.Options{
		Objects: p.engine.Objects, Snapshot: p.engine.Snapshot, Notified: p.copies.Notified, SetGlobal: p.engine.SetGlobal, Updates: p.updates, Keys: keys, Log: log,
		Answer: func(msg []byte, from netip.Addr) []byte {
			out, _ := accept.New(p.rules).Message(p.engine.Snapshot(), nil, msg, accept.Origin{Client: from, Stream: true, Now: time.Now()})
			return out
		},
	})
	p.engine.SetObjects(p.objects)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { p.sockets.Serve(ctx) })
	wg.Go(func() { p.aside.Run(ctx) })
	wg.Go(func() { p.copies.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return p
}

func (p *primary) address() string { return p.sockets.Addresses()[0].String() }
func (p *primary) port() uint16    { return p.sockets.Addresses()[0].Port() }

// Secret implements update.Store.
func (p *primary) Secret(_ context.Context, ref v1.SecretKeyRef) ([]byte, error) {
	if text, ok := map[string]string{"one": key1, "two": key2}[ref.Name]; ok {
		return []byte(text), nil
	}
	return nil, errors.New("not there")
}

// Records implements update.Store.
func (p *primary) Records(_ context.Context, name string) (*v1.ZoneRecords, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.objects.Records {
		if r.Name == name {
			return r.DeepCopy(), nil
		}
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{}, name)
}

// SetRecords implements update.Store.
func (p *primary) SetRecords(_ context.Context, r *v1.ZoneRecords) error {
	p.mu.Lock()
	p.version++
	r = r.DeepCopy()
	r.ResourceVersion = fmt.Sprint(p.version)
	p.objects.Records = []*v1.ZoneRecords{r}
	o := p.objects
	p.mu.Unlock()
	p.engine.SetObjects(o)
	return nil
}

// put replaces the records that are kept beside the zone.
func (p *primary) put(records ...v1.Record) {
	p.t.Helper()
	r := &v1.ZoneRecords{Spec: v1.ZoneRecordsSpec{Zone: "apps", Records: records}}
	r.Name = "apps"
	if err := p.SetRecords(context.Background(), r); err != nil {
		p.t.Fatal(err)
	}
}

// flip gives an endpoint another verdict.
func (p *primary) flip(cluster string, v v1.Verdict) {
	p.engine.SetVerdict(verdict.Key{Namespace: "shop", Plan: "shop", Cluster: cluster}, verdict.State{Verdict: v, Since: time.Now()})
}

func (p *primary) serial() uint32 { return p.engine.Snapshot().Zones[0].Serial.Serial }

func selfSigned(t *testing.T) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ns1"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tsigKey is a key of the API.
func tsigKey(name, secret string, a v1.TSIGAlgorithm) *v1.TSIGKey {
	return &v1.TSIGKey{Name: name, Algorithm: a, SecretRef: v1.SecretKeyRef{Name: secret, Key: "key"}}
}

// axfr takes a zone; the lines are sorted and hold the SOA once.
func axfr(t *testing.T, to, zone string) []string {
	t.Helper()
	lines, err := tryAXFR(to, zone)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func tryAXFR(to, zone string) ([]string, error) {
	m := new(miekg.Msg)
	m.SetAxfr(zone)
	records, err := take(new(miekg.Transfer), m, to)
	if err != nil {
		return nil, err
	}
	return content(records)
}

// take transfers.
func take(tr *miekg.Transfer, m *miekg.Msg, to string) ([]miekg.RR, error) {
	tr.DialTimeout, tr.ReadTimeout = 5*time.Second, 5*time.Second
	envelopes, err := tr.In(m, to)
	if err != nil {
		return nil, err
	}
	var out []miekg.RR
	for e := range envelopes {
		if e.Error != nil {
			return nil, e.Error
		}
		out = append(out, e.RR...)
	}
	return out, nil
}

// content is a whole zone, out of a transfer of all of it.
func content(records []miekg.RR) ([]string, error) {
	if len(records) < 2 || records[0].String() != records[len(records)-1].String() || records[0].Header().Rrtype != miekg.TypeSOA {
		return nil, fmt.Errorf("not between two SOA: %v", records)
	}
	var out []string
	for _, r := range records[1:] {
		out = append(out, strings.ToLower(r.String()))
	}
	slices.Sort(out)
	return out, nil
}

// eventually tries until there is no error. Between tries it waits for the world, which has no clock of
// ours.
func eventually(t *testing.T, what string, do func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = do(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// fileTime is the time of a file at a serial: later ones are later.
func fileTime(serial int) time.Time {
	return time.Now().Add(time.Duration(serial-1000) * time.Minute)
}
