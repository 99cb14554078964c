package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/check"
	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/feed"
	"github.com/seaway-io/seaway/dns/geodb"
	"github.com/seaway-io/seaway/dns/querylog"
	"github.com/seaway-io/seaway/dns/secondary"
	"github.com/seaway-io/seaway/dns/server"
	"github.com/seaway-io/seaway/dns/transfer"
	"github.com/seaway-io/seaway/dns/tsig"
	"github.com/seaway-io/seaway/dns/update"
)

// Options of a DNS server. Errors name the command's flags, which are called alike.
type Options struct {
	// Name of the vantage point: that of the EndpointHealth object in which the server reports.
	Name string
	// Config tells how to reach the hub.
	Config func() (*rest.Config, error)
	// Listen are the addresses to answer on, by UDP and TCP.
	Listen []string
	// StateDir is where the server keeps what it needs to start without the hub; nothing is kept
	// if empty.
	StateDir string
	// KeysNamespace is that of the Secrets with the keys of signed zones.
	KeysNamespace string
	// Signatures a second that may be made for what only a question knows; see engine.Options.
	Signatures int
	// GeoDatabases are files in the MaxMind format; the built-in table of countries if there are
	// none. GeoFields says where in their records to look.
	GeoDatabases []string
	GeoFields    geodb.Fields
	// MetricsAddress is where /metrics, /healthz and /readyz are served; nowhere if empty.
	MetricsAddress string
	// QueryLog takes down queries; nowhere if it names no place.
	QueryLog querylog.Options
	// DiagnosticsAddress is where decisions are told over TLS, with the certificate below, to those who
	// have the token in DiagnosticsTokenFile; nowhere if both are empty.
	DiagnosticsAddress, DiagnosticsTokenFile string
	// Version is the answer to version.bind, NSID the server's identifier.
	Version, NSID string
	// TLSListen, HTTPSListen and QUICListen are addresses for DNS over TLS, over HTTPS and over QUIC,
	// which need the files of a certificate and its key.
	TLSListen, HTTPSListen, QUICListen []string
	CertificateFile                    string
	KeyFile                            string
	// CookieSecretFile holds the secrets of DNS cookies, one of 32 hexadecimal digits in each line.
	// If empty, the server makes one up that no other knows.
	CookieSecretFile string
	// Guard is what is done against abuse.
	Guard Guard
	// Proxies are networks whose PROXY protocol headers are believed.
	Proxies []string
	// TCP bounds connections.
	TCP server.TCPLimits
	Log *slog.Logger
}

// Server is a DNS server, put together.
type Server struct {
	options  Options
	geo      *geoFiles
	rules    *accept.Rules
	files    *files
	engine   *engine.Engine
	checker  *check.Checker
	feed     *feed.Feed
	updates  *update.Handler
	aside    *transfer.Handler
	copies   *secondary.Keeper
	sockets  *server.Server
	queries  *querylog.Log // nil if none is kept
	registry *prometheus.Registry
	metrics  net.Listener
	// diagnostics speaks TLS; nil if there is none.
	diagnostics net.Listener
}

// New opens everything that can be wrong from the start: options, databases, sockets, and what is on
// disk. Nothing is answered before Run. A server that is not run is to be closed.
func New(o Options) (*Server, error) {
	if problems := validation.IsDNS1123Subdomain(o.Name); len(problems) > 0 || len(o.Name) > validation.DNS1123LabelMaxLength {
		return nil, fmt.Errorf("--name: %q cannot name a vantage point: use at most 63 lower-case letters, digits, hyphens and dots", o.Name)
	}
	rules, err := newRules(&o)
	if err != nil {
		return nil, err
	}
	if o.StateDir != "" {
		if err := os.MkdirAll(o.StateDir, 0o750); err != nil {
			return nil, fmt.Errorf("--state-dir: %w", err)
		}
	}
	s := &Server{options: o, rules: rules, registry: prometheus.NewRegistry()}
	if s.files, err = openFiles(&o, rules); err != nil {
		return nil, err
	}
	if s.geo, err = openGeo(o.GeoDatabases, o.GeoFields, o.Log); err != nil {
		return nil, fmt.Errorf("--geo-database: %w", err)
	}
	log := o.QueryLog
	log.Identity, log.Version, log.Log = o.NSID, o.Version, o.Log
	if s.queries, err = querylog.New(log); err != nil {
		return nil, err
	}
	s.sockets, err = server.Listen(server.Options{
		Addresses:   o.Listen,
		TLS:         o.TLSListen,
		HTTPS:       o.HTTPSListen,
		QUIC:        o.QUICListen,
		Certificate: s.files.get(),
		Rules:       rules,
		Snapshot:    s.snapshot,
		Aside:       aside{s},
		Series:      s.series,
		QueryLog:    s.queries,
		TCP:         o.TCP,
		Log:         o.Log,
	})
	if err != nil {
		s.queries.Close()
		return nil, fmt.Errorf("--listen, --tls-listen, --https-listen, --quic-listen: %w", err)
	}
	if o.MetricsAddress != "" {
		if s.metrics, err = net.Listen("tcp", o.MetricsAddress); err != nil {
			s.sockets.Close()
			s.queries.Close()
			return nil, fmt.Errorf("--metrics-address: %w", err)
		}
	}
	if err := s.openDiagnostics(); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.assemble(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// assemble connects the parts.
func (s *Server) assemble() error {
	o := s.options
	s.engine = engine.New(engine.Options{
		VantagePoint: o.Name,
		Places:       s.geo.places,
		Signatures:   o.Signatures,
		Changed: func() {
			if s.feed != nil {
				s.feed.Changed()
			}
			s.changed()
		},
		Flipped: s.changed,
		Log:     o.Log,
	}, nil)
	s.checker = check.New(check.Options{
		Report: s.engine.SetVerdict,
		CutOff: s.engine.SetCutOff,
		Heard:  func() bool { return s.feed.Status().Live },
	})
	s.feed = feed.New(feed.Options{
		Config:        o.Config,
		VantagePoint:  o.Name,
		Dir:           o.StateDir,
		KeysNamespace: o.KeysNamespace,
		Engine:        s.engine,
		Apply:         s.apply,
		Log:           o.Log,
	})
	keys := tsig.NewRing(s.feed.Secret)
	s.updates = update.New(update.Options{Store: s.feed, Keys: keys, Objects: s.engine.Objects, Snapshot: s.engine.Snapshot, Log: o.Log})
	s.copies = secondary.New(secondary.Options{
		Zones:     func() []*trafficv1alpha1.Zone { return s.engine.Objects().Zones },
		SetCopies: s.engine.SetCopies, Keys: keys, Dir: o.StateDir, Log: o.Log,
	})
	s.aside = transfer.New(transfer.Options{
		Objects: s.engine.Objects, Snapshot: s.engine.Snapshot, SetGlobal: s.engine.SetGlobal,
		Answer: s.answer, Notified: s.copies.Notified, Updates: s.updates, Keys: keys, Log: o.Log,
	})
	if !s.feed.Load() {
		// Without anything to serve, a way to the hub that is wrong is better said at once.
		if _, err := o.Config(); err != nil {
			return fmt.Errorf("--kubeconfig: %w", err)
		}
	}
	s.copies.Load()
	return s.register()
}

// apply puts objects in force.
func (s *Server) apply(o engine.Objects) {
	s.engine.SetObjects(o)
	s.copies.Changed()
	s.checker.SetPlans(o.Plans)
}

// Updates handles DNS UPDATE messages; see package update.
func (s *Server) Updates() *update.Handler { return s.updates }

// Addresses are those on which queries are answered, as they were given by the system.
func (s *Server) Addresses() []netip.AddrPort { return s.sockets.Addresses() }

// TLSAddresses are those for DNS over TLS.
func (s *Server) TLSAddresses() []netip.AddrPort { return s.sockets.TLSAddresses() }

// HTTPSAddresses are those for DNS over HTTPS.
func (s *Server) HTTPSAddresses() []netip.AddrPort { return s.sockets.HTTPSAddresses() }

// QUICAddresses are those for DNS over QUIC.
func (s *Server) QUICAddresses() []netip.AddrPort { return s.sockets.QUICAddresses() }

// MetricsAddress is where metrics are served; nil if nowhere.
func (s *Server) MetricsAddress() net.Addr {
	if s.metrics == nil {
		return nil
	}
	return s.metrics.Addr()
}

// Run answers until the context ends or something that nothing works without has failed.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.Close()
	for _, i := range s.geo.infos {
		s.options.Log.Info("geo database", "database", i.String())
	}
	s.options.Log.Info("answering", "name", s.options.Name, "addresses", fmt.Sprint(s.Addresses()))
	var wg sync.WaitGroup
	defer wg.Wait()
	var failed error
	for listener, handler := range map[net.Listener]http.Handler{s.metrics: s.handler(), s.diagnostics: s.forToken()} {
		if listener == nil {
			continue
		}
		h := httpServer(handler)
		h.ErrorLog = slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug)
		context.AfterFunc(ctx, func() { h.Close() })
		wg.Go(func() {
			if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				// The answers go on.
				s.options.Log.Error("serving metrics or diagnostics", "address", listener.Addr().String(), "error", err)
			}
		})
	}
	wg.Go(func() { s.geo.watch(ctx, s.engine.SetPlaces) })
	wg.Go(func() { s.files.watch(ctx) })
	wg.Go(func() { s.queries.Run(ctx) })
	wg.Go(func() { s.feed.Run(ctx) })
	wg.Go(func() { s.aside.Run(ctx) })
	wg.Go(func() { s.copies.Run(ctx) })
	s.sockets.Serve(ctx)
	if ctx.Err() == nil {
		failed = errors.New("the sockets were closed")
	}
	cancel()
	return failed
}

// Close gives back what New opened.
func (s *Server) Close() {
	s.sockets.Close()
	s.queries.Close()
	if s.metrics != nil {
		s.metrics.Close()
	}
	if s.diagnostics != nil {
		s.diagnostics.Close()
	}
	if s.checker != nil {
		s.checker.Close()
	}
	if s.engine != nil {
		s.engine.Close()
	}
}

// changed says that copies of zones may have to follow.
func (s *Server) changed() {
	if s.aside != nil {
		s.aside.Changed()
	}
}

// snapshot is what is served at the moment. The sockets are open before there is anything.
func (s *Server) snapshot() *zone.Snapshot { return s.engine.Snapshot() }

// series are the names of what answers are counted under.
func (s *Server) series() (int, []string, int, []zone.EndpointSeries) { return s.engine.Series() }
