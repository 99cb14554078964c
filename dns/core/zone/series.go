package zone

// Numbers of series that have no label of their own.
const (
	// SeriesNone is for what has no zone or endpoint.
	SeriesNone = 0
	// SeriesOther is for all that came when the others were taken.
	SeriesOther = 1
	firstSeries = 2
)

// How many zones and endpoints are counted one by one, so that what is counted has a bound whatever
// objects come and go.
const (
	MostZoneSeries     = 256
	MostEndpointSeries = 1024
)

// EndpointSeries is an endpoint whose answers are counted.
type EndpointSeries struct {
	Namespace, Plan, Cluster string
}

// Series numbers the zones and endpoints of snapshots for those who count answers: workers count under
// a number, which costs nothing, and numbers become labels when somebody looks. A number stands for
// the same until the server ends, so that counters never fall. The zero Series is ready to use; it is
// not safe for concurrent use.
type Series struct {
	zones     numbers[string]
	endpoints numbers[EndpointSeries]
}

type numbers[K comparable] struct {
	of   map[K]uint16
	keys []K
}

func (n *numbers[K]) number(k K, most int) uint16 {
	if i, ok := n.of[k]; ok {
		return i
	}
	if len(n.keys)+firstSeries >= most {
		return SeriesOther
	}
	if n.of == nil {
		n.of = map[K]uint16{}
	}
	i := uint16(len(n.keys) + firstSeries)
	n.of[k] = i
	n.keys = append(n.keys, k)
	return i
}

// Number numbers the zones of a snapshot that nobody reads yet, and those of its plans that the one
// before had not.
func (s *Series) Number(snapshot *Snapshot, came []*Plan) {
	for _, z := range snapshot.Zones {
		if z.Series == SeriesNone { // others are being counted already
			z.Series = s.zones.number(z.Domain, MostZoneSeries)
		}
	}
	for _, p := range came {
		p.Series = make([]uint16, len(p.Endpoints))
		for i, e := range p.Endpoints {
			p.Series[i] = s.endpoints.number(EndpointSeries{p.Namespace, p.Name, e.Cluster}, MostEndpointSeries)
		}
	}
}

// Zones are the domains by number, from the first that has a label.
func (s *Series) Zones() (first int, domains []string) { return firstSeries, s.zones.keys }

// Endpoints are the endpoints by number, from the first that has a label.
func (s *Series) Endpoints() (first int, endpoints []EndpointSeries) {
	return firstSeries, s.endpoints.keys
}
