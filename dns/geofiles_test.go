package dns

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/geodb"
)

// A database that is replaced by a broken one while the server runs changes nothing, and is
// complained of once.
func TestABrokenGeoDatabaseIsNotTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "city.mmdb")
	if err := os.WriteFile(path, []byte("not a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	old := geo.Compile(geo.Overlay())
	g := &geoFiles{paths: []string{path}, fields: geodb.Fields{}, log: slog.New(slog.NewTextHandler(&log, nil)), places: old}
	for range 3 {
		g.look(func(*geo.Places) { t.Error("it was taken over") })
	}
	if g.places != old {
		t.Error("the old one is gone")
	}
	if n := strings.Count(log.String(), path); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
}

func TestTheBuiltInTableIsTheDefault(t *testing.T) {
	g, err := openGeo(nil, geodb.Fields{}, slog.Default())
	if err != nil || g.places == nil || len(g.infos) != 1 || !g.infos[0].Coarse {
		t.Errorf("%+v %v", g, err)
	}
}
