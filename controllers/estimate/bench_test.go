package estimate

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/seaway-io/seaway/controllers/member"
)

// crowd is the API of a member with many nodes and pods, which it makes up while it is asked.
func crowd(nodes, pods int) http.HandlerFunc {
	write := func(w io.Writer, kind string, n int, item func(i int) string) {
		fmt.Fprintf(w, `{"apiVersion":"v1","kind":%q,"metadata":{"resourceVersion":"9"},"items":[`, kind+"List")
		for i := range n {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprint(w, item(i))
		}
		fmt.Fprint(w, "]}")
	}
	node := func(i int) string {
		return fmt.Sprintf(`{"kind":"Node","apiVersion":"v1","metadata":{"name":"node-%05d.eu-central-1.compute.internal","resourceVersion":"%d","labels":{
			"kubernetes.io/hostname":"node-%05d","kubernetes.io/arch":"amd64","kubernetes.io/os":"linux","beta.kubernetes.io/arch":"amd64","beta.kubernetes.io/os":"linux",
			"node.kubernetes.io/instance-type":"m6i.8xlarge","beta.kubernetes.io/instance-type":"m6i.8xlarge","topology.kubernetes.io/zone":"eu-central-1%c","topology.kubernetes.io/region":"eu-central-1",
			"failure-domain.beta.kubernetes.io/zone":"eu-central-1%c","failure-domain.beta.kubernetes.io/region":"eu-central-1","example.com/pool":"general"}},
			"status":{"allocatable":{"cpu":"31850m","memory":"125Gi","ephemeral-storage":"95Gi","hugepages-2Mi":"0","hugepages-1Gi":"0","pods":"110"},"conditions":[{"type":"Ready","status":"True"}]}}`,
			i, 1000000+i, i, 'a'+i%3, 'a'+i%3)
	}
	pod := func(i int) string {
		return fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"name":"service-%04d-7c9d8f6b5d-%05x","namespace":"team-%03d","uid":"8a0b6c1e-0000-4000-8000-%012d","resourceVersion":"%d","labels":{"app":"service-%04d","pod-template-hash":"7c9d8f6b5d"},
			"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"service-%04d-7c9d8f6b5d","uid":"9a0b6c1e-0000-4000-8000-%012d","controller":true}]},
			"spec":{"nodeName":"node-%05d.eu-central-1.compute.internal","containers":[{"name":"app","image":"example.com/app:1","resources":{"requests":{"cpu":"250m","memory":"512Mi"}}}]},
			"status":{"phase":"Running","conditions":[{"type":"PodScheduled","status":"True"}]}}`,
			i/20, i, i%200, i, 2000000+i, i/20, i/20, i/20, i%max(nodes, 1))
	}
	return func(w http.ResponseWriter, r *http.Request) {
		kind := kinds[r.URL.Path]
		w.Header().Set("Content-Type", "application/json")
		switch {
		case kind == "" || r.URL.Query().Get("sendInitialEvents") != "":
			w.WriteHeader(http.StatusUnprocessableEntity)
		case r.URL.Query().Get("watch") != "":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case kind == "Node":
			write(w, kind, nodes, node)
		case kind == "Pod":
			write(w, kind, pods, pod)
		default:
			write(w, kind, 0, nil)
		}
	}
}

// BenchmarkMemory follows a member and says what is kept of each object. Run it with -benchtime 1x.
func BenchmarkMemory(b *testing.B) {
	for _, size := range []struct{ nodes, pods int }{{3000, 0}, {3000, 100_000}} {
		b.Run(fmt.Sprintf("nodes=%d/pods=%d", size.nodes, size.pods), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				e, stop := following(b, crowd(size.nodes, size.pods))
				kept := heap() - before
				b.ReportMetric(kept/1e6, "MB")
				b.ReportMetric(kept/float64(max(size.pods, size.nodes)), "B/object")
				runtime.KeepAlive(e)
				stop()
			}
		})
	}
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// following returns an estimator that has read everything.
func following(b *testing.B, handler http.HandlerFunc) (*Estimator, func()) {
	a := &api{Server: httptest.NewUnstartedServer(handler)}
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.StartTLS()
	pool := member.NewPool(member.Options{})
	e, err := newEstimator(Options{Members: pool}, pool.Subscribe, func(name string) (connection, error) {
		m, err := pool.Member(name)
		if err != nil {
			return nil, err
		}
		return m, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = e.follower.Start(b.Context()) }()
	a.join(b, pool, "fra")
	eventually(b, "the cluster is known", func() bool {
		return len(e.Estimates(b.Context(), []string{"fra"}, Request{Spec: aSpec("1")})) == 1
	})
	return e, func() {
		pool.Close()
		a.CloseClientConnections()
		a.Close()
	}
}

// BenchmarkEstimates asks about twenty clusters of a thousand nodes each.
func BenchmarkEstimates(b *testing.B) {
	e := knowing(b, Options{}, nil)
	var clusters []string
	for i := range 20 {
		cluster := fmt.Sprint("c", i)
		clusters = append(clusters, cluster)
		l := &ledger{connection: newConnection()}
		l.known.Store(true)
		for j := range 1000 {
			l.setNode(reduced[*nodeRecord](b, reduceNode, nodeObject(b, fmt.Sprint("node-", j), "32")))
		}
		e.follower.put(cluster, l)
	}
	req := Request{Spec: aSpec("500m")}
	b.ReportAllocs()
	for b.Loop() {
		if len(e.Estimates(b.Context(), clusters, req)) != 20 {
			b.Fatal("a cluster is not known")
		}
	}
}
