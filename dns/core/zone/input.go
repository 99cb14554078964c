package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/geo"
)

// Input is everything a snapshot is made of. Objects are only read, and must not change afterwards:
// the next snapshot takes over what was made of those that are still the same.
type Input struct {
	Zones      []*trafficv1alpha1.Zone
	Records    []*trafficv1alpha1.ZoneRecords
	Plans      []*trafficv1alpha1.TrafficPlan
	RegionMaps []*trafficv1alpha1.RegionMap

	// Keys of the zones that are signed, by domain.
	Keys map[string]*dnssec.Ring
	// Online signs what is only known when it is asked for; nothing of that kind if nil.
	Online *dnssec.Online
	// Each calls a function for every number below n, in any order and perhaps several at a time, and
	// returns when all are done. It is how work is spread over processors; one after the other if nil.
	Each func(n int, do func(i int))

	// Places says where client addresses are. Nil knows nothing: networks in RegionMaps still work.
	Places *geo.Places
	// Serials of the zones as they were served last, by domain.
	Serials map[string]Serial
	// Global stands for the answers to clients of whom nothing is known, by domain. It is part of what a
	// serial is given for, so that copies of a zone follow the health of what is answered; empty for
	// zones that nobody copies.
	Global map[string]string
	// Copies of the zones that other servers are primaries of, by domain.
	Copies map[string]*Copy
	// Now becomes the serial of a zone that has changed.
	Now time.Time
	// Previous snapshot, or nil. All that has not changed since is taken over from it, verdicts included.
	// Besides those it has no influence on the result.
	Previous *Snapshot
}

// each calls a function for every number below n.
func (in *Input) each(n int, do func(i int)) {
	if in.Each != nil {
		in.Each(n, do)
		return
	}
	for i := range n {
		do(i)
	}
}

// Serial is a zone's serial number and what it was given for.
type Serial struct {
	Serial uint32 `json:"serial"`
	// Digest of the zone's content; another content needs another serial.
	Digest string `json:"digest"`
}

// Ref names an object.
type Ref struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String is "Kind namespace/name".
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

func refOf(kind string, o metav1.Object) Ref {
	return Ref{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

// Problem is something in an object that is not served as it stands there.
type Problem struct {
	Object Ref `json:"object"`
	// Field is the path of the field, such as spec.records[3].values[0].
	Field string `json:"field"`
	// Message says what is wrong and how to put it right.
	Message string `json:"message"`
}

// String is the problem in one line.
func (p Problem) String() string { return fmt.Sprintf("%s: %s: %s", p.Object, p.Field, p.Message) }

// reporter collects the problems of one object.
type reporter struct {
	object Ref
	list   *[]Problem
}

func (r reporter) report(at *field.Path, format string, args ...any) {
	*r.list = append(*r.list, Problem{r.object, at.String(), fmt.Sprintf(format, args...)})
}

// byAge orders objects as they win against each other: the oldest first, then by name.
func byAge[T metav1.Object](objects []T) []T {
	out := slices.Clone(objects)
	slices.SortStableFunc(out, func(a, b T) int {
		at, bt := a.GetCreationTimestamp(), b.GetCreationTimestamp()
		return cmp.Or(at.Time.Compare(bt.Time),
			strings.Compare(a.GetNamespace(), b.GetNamespace()),
			strings.Compare(a.GetName(), b.GetName()))
	})
	return out
}

// seconds is a duration as a TTL: whole seconds within bounds.
func seconds(d *metav1.Duration, otherwise, least, most time.Duration) uint32 {
	v := otherwise
	if d != nil {
		v = d.Duration
	}
	return uint32(min(max(v, least), most) / time.Second)
}
