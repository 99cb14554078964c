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
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"

	"github.com/seaway-io/seaway/dns/check"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/feed"
	"github.com/seaway-io/seaway/dns/geodb"
	"github.com/seaway-io/seaway/dns/server"
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
	// Version is the answer to version.bind, NSID the server's identifier.
	Version, NSID string
	// TCP bounds connections.
	TCP server.TCPLimits
	Log *slog.Logger
}

// Server is a DNS server, put together.
type Server struct {
	options  Options
	geo      *geoFiles
	engine   *engine.Engine
	checker  *check.Checker
	feed     *feed.Feed
	sockets  *server.Server
	registry *prometheus.Registry
	metrics  net.Listener
}

// New opens everything that can be wrong from the start: options, databases, sockets, and what is on
// disk. Nothing is answered before Run. A server that is not run is to be closed.
func New(o Options) (*Server, error) {
	if problems := validation.IsDNS1123Subdomain(o.Name); len(problems) > 0 || len(o.Name) > validation.DNS1123LabelMaxLength {
		return nil, fmt.Errorf("--name: %q cannot name a vantage point: use at most 63 lower-case letters, digits, hyphens and dots", o.Name)
	}
	identity, err := answer.NewIdentity(o.Version, o.NSID, tcpIdle(o.TCP))
	if err != nil {
		return nil, fmt.Errorf("--version-string, --nsid: %w", err)
	}
	if o.StateDir != "" {
		if err := os.MkdirAll(o.StateDir, 0o750); err != nil {
			return nil, fmt.Errorf("--state-dir: %w", err)
		}
	}
	s := &Server{options: o, registry: prometheus.NewRegistry()}
	if s.geo, err = openGeo(o.GeoDatabases, o.GeoFields, o.Log); err != nil {
		return nil, fmt.Errorf("--geo-database: %w", err)
	}
	s.sockets, err = server.Listen(server.Options{
		Addresses: o.Listen,
		Identity:  identity,
		Snapshot:  s.snapshot,
		TCP:       o.TCP,
		Log:       o.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if o.MetricsAddress != "" {
		if s.metrics, err = net.Listen("tcp", o.MetricsAddress); err != nil {
			s.sockets.Close()
			return nil, fmt.Errorf("--metrics-address: %w", err)
		}
	}
	if err := s.assemble(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func tcpIdle(l server.TCPLimits) time.Duration { return l.WithDefaults().Idle }

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
		},
		Log: o.Log,
	}, nil)
	s.checker = check.New(check.Options{Report: s.engine.SetVerdict})
	s.feed = feed.New(feed.Options{
		Config:        o.Config,
		VantagePoint:  o.Name,
		Dir:           o.StateDir,
		KeysNamespace: o.KeysNamespace,
		Engine:        s.engine,
		Apply:         s.apply,
		Log:           o.Log,
	})
	if !s.feed.Load() {
		// Without anything to serve, a way to the hub that is wrong is better said at once.
		if _, err := o.Config(); err != nil {
			return fmt.Errorf("--kubeconfig: %w", err)
		}
	}
	return s.register()
}

// apply puts objects in force.
func (s *Server) apply(o engine.Objects) {
	s.engine.SetObjects(o)
	var targets []check.Target
	for _, p := range o.Plans {
		targets = append(targets, check.Targets(p)...)
	}
	s.checker.SetTargets(targets)
}

// Addresses are those on which queries are answered, as they were given by the system.
func (s *Server) Addresses() []netip.AddrPort { return s.sockets.Addresses() }

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
	if s.metrics != nil {
		h := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
		context.AfterFunc(ctx, func() { h.Close() })
		wg.Go(func() {
			if err := h.Serve(s.metrics); !errors.Is(err, http.ErrServerClosed) {
				// The answers go on.
				s.options.Log.Error("serving metrics", "error", err)
			}
		})
	}
	wg.Go(func() { s.geo.watch(ctx, s.engine.SetPlaces) })
	wg.Go(func() { s.feed.Run(ctx) })
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
	if s.metrics != nil {
		s.metrics.Close()
	}
	if s.checker != nil {
		s.checker.Close()
	}
	if s.engine != nil {
		s.engine.Close()
	}
}

// snapshot is what is served at the moment. The sockets are open before there is anything.
func (s *Server) snapshot() *zone.Snapshot { return s.engine.Snapshot() }
