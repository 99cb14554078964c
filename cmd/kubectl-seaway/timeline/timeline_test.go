package timeline

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func at() time.Time { return noon }

func TestTimeline(t *testing.T) {
	for name, tc := range map[string]struct {
		q    inquiry
		args []string
	}{
		"application":         {inquiry{since: time.Hour}, []string{"web"}},
		"workload":            {inquiry{since: time.Hour}, []string{"deploy/web"}},
		"namespace":           {inquiry{since: time.Hour}, nil},
		"all":                 {inquiry{since: 48 * time.Hour, all: true}, nil},
		"of-a-cluster":        {inquiry{since: time.Hour, all: true, cluster: "iad"}, nil},
		"newest":              {inquiry{since: time.Hour, all: true, limit: 2}, nil},
		"nothing":             {inquiry{since: time.Minute}, []string{"web"}},
		"application-in-json": {inquiry{since: 15 * time.Minute, output: output.JSON}, []string{"web"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := goldentest.Hub(t, "testdata/hub.yaml", "shop", nil)
			var out bytes.Buffer
			if err := tc.q.follow(t.Context(), &out, h, tc.args, at, nil); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

// late is a hub on which something happens while it is watched.
type late struct {
	client.Reader
	events []corev1.Event
	fails  bool
}

func (l *late) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if l.fails {
		return errors.New("the hub is away")
	}
	if err := l.Reader.List(ctx, list, opts...); err != nil {
		return err
	}
	if events, ok := list.(*corev1.EventList); ok {
		events.Items = append(events.Items, l.events...)
	}
	return nil
}

func TestWatch(t *testing.T) {
	base := goldentest.Hub(t, "testdata/hub.yaml", "shop", nil)
	synctest.Test(t, func(t *testing.T) {
		reader := &late{Reader: base.Reader}
		h := hubclient.Hub{Reader: reader, Mapper: base.Mapper, Namespace: "shop"}
		ctx, end := context.WithCancel(t.Context())
		tick, done := make(chan time.Time), make(chan error)
		var out bytes.Buffer
		go func() {
			q := inquiry{since: 10 * time.Minute, watch: true}
			done <- q.follow(ctx, &out, h, []string{"web"}, at, tick)
		}()
		round := func() string {
			synctest.Wait()
			defer out.Reset()
			return out.String()
		}
		if first := round(); !strings.HasPrefix(first, "TIME") || strings.Count(first, "\n") != 3 {
			t.Errorf("at first:\n%s", first)
		}
		tick <- noon
		if again := round(); again != "" {
			t.Errorf("shown again:\n%s", again)
		}
		reader.fails = true
		tick <- noon
		round() // the hub may be away for a while
		reader.fails = false
		reader.events = []corev1.Event{{
			InvolvedObject: corev1.ObjectReference{Kind: "TrafficPolicy", Namespace: "shop", Name: "web"},
			Reason:         trafficv1alpha1.EventFailOpen, Message: "nothing is left", LastTimestamp: metav1.NewTime(noon),
		}}
		tick <- noon
		if fresh := round(); strings.Count(fresh, "\n") != 1 || !strings.Contains(fresh, "FailOpen") {
			t.Errorf("what happened:\n%s", fresh)
		}
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestArguments(t *testing.T) {
	for name, tc := range map[string]struct {
		q    inquiry
		args []string
		want string
	}{
		"an application":       {inquiry{since: time.Hour}, []string{"web"}, ""},
		"all":                  {inquiry{since: time.Hour, all: true}, nil, ""},
		"one and all":          {inquiry{since: time.Hour, all: true}, []string{"web"}, "-A shows all applications"},
		"no time at all":       {inquiry{}, nil, "--since"},
		"too often":            {inquiry{since: time.Hour, watch: true, every: time.Millisecond}, nil, "--every"},
		"watching YAML":        {inquiry{since: time.Hour, watch: true, every: time.Second, output: output.YAML}, nil, "--watch writes text or json"},
		"an unheard-of format": {inquiry{since: time.Hour, output: "xml"}, nil, `there is no format "xml"`},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.q.output == "" {
				tc.q.output = output.Text
			}
			err := tc.q.check(tc.args)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What moves or would is told of templates and bindings, unless a decision tells it better.
func TestEventsOfMoves(t *testing.T) {
	template := corev1.ObjectReference{Kind: "Deployment", Namespace: "shop", Name: "web"}
	policy := corev1.ObjectReference{Kind: "TrafficPolicy", Namespace: "shop", Name: "web"}
	for reason, tc := range map[string]struct {
		of             corev1.ObjectReference
		alone, decided bool // whether it is told without and beside a decision
	}{
		names.EventReasonEvictWorkloadSucceed: {template, true, false},
		names.EventReasonEvictWorkloadFailed:  {template, true, true},
		names.EventReasonPreempted:            {template, true, false},
		names.EventReasonPreempts:             {template, true, false},
		names.EventReasonPreemptionEnded:      {template, true, true},
		names.EventReasonSyncWorkSucceed:      {template, false, false},
		trafficv1alpha1.EventOverloaded:       {policy, true, false},
		trafficv1alpha1.EventOverloadEnded:    {policy, true, false},
	} {
		t.Run(reason, func(t *testing.T) {
			r := Records{Events: []corev1.Event{{InvolvedObject: tc.of, Reason: reason, LastTimestamp: metav1.NewTime(noon)}}}
			if got := len(Merge(r, Filter{})) > 0; got != tc.alone {
				t.Errorf("alone it is told: %v", got)
			}
			r.Decisions = []trafficv1alpha1.DecisionSpec{{
				Time: metav1.NewMicroTime(noon), Subject: trafficv1alpha1.DecisionSubject{Kind: tc.of.Kind, Namespace: "shop", Name: "web"},
			}}
			if got := len(Merge(r, Filter{})) > 1; got != tc.decided {
				t.Errorf("beside a decision it is told: %v", got)
			}
		})
	}
}

func TestAClusterIsAWholeWord(t *testing.T) {
	f := Filter{Cluster: "fra"}
	for text, want := range map[string]bool{
		"fra": true, "moved to fra.": true, "fra 4, iad 2": true, "clients: fra->iad": false, "fra-2 is lost": false, "eu.fra is": false, "infra": false, "(fra)": true,
	} {
		if got := f.concerns(&Entry{Why: text}); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
