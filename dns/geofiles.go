package dns

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/geodb"
)

// geoFiles are the geo databases and how they looked when they were read.
type geoFiles struct {
	paths  []string
	fields geodb.Fields
	log    *slog.Logger
	places *geo.Places
	infos  []geodb.Info
	seen   []stamp
	shown  atomic.Pointer[[]geodb.Info] // infos, for other goroutines
}

// described are the databases in use.
func (g *geoFiles) described() []geodb.Info { return *g.shown.Load() }

// stamp tells a file from the one that takes its place.
type stamp struct {
	modified time.Time
	size     int64
}

// openGeo reads the databases; the built-in table if there are none.
func openGeo(paths []string, fields geodb.Fields, log *slog.Logger) (*geoFiles, error) {
	g := &geoFiles{paths: paths, fields: fields, log: log}
	if len(paths) == 0 {
		source, info := geodb.BuiltIn()
		g.places, g.infos = geo.Compile(source), []geodb.Info{info}
		g.shown.Store(&g.infos)
		return g, nil
	}
	return g, g.read()
}

func (g *geoFiles) read() error {
	stamps := g.stamps()
	source, infos, err := geodb.OpenAll(g.paths, g.fields)
	if err != nil {
		return err
	}
	g.places, g.infos, g.seen = geo.Compile(source), infos, stamps
	g.shown.Store(&infos)
	return nil
}

func (g *geoFiles) stamps() []stamp {
	out := make([]stamp, len(g.paths))
	for i, p := range g.paths {
		if info, err := os.Stat(p); err == nil {
			out[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return out
}

// lookEvery is how often the files are looked at.
const lookEvery = 30 * time.Second

// watch reads the databases again when a file has changed. One that cannot be read changes nothing:
// the old ones stay in use.
func (g *geoFiles) watch(ctx context.Context, use func(*geo.Places)) {
	if len(g.paths) == 0 {
		return
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.look(use)
		}
	}
}

func (g *geoFiles) look(use func(*geo.Places)) {
	now := g.stamps()
	if slices.Equal(now, g.seen) {
		return
	}
	if err := g.read(); err != nil {
		g.seen = now // said once for each change
		g.log.Error("the geo databases changed and cannot be read: the old ones stay in use", "error", err)
		return
	}
	for _, i := range g.infos {
		g.log.Info("geo database", "database", i.String())
	}
	use(g.places)
}
