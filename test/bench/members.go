//go:build linux

package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/test/bench/crowd"
	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/install"
)

var deployments = schema.GroupResource{Group: "apps", Resource: "deployments"}

// onCrowd carries Deployments into members that this program serves from memory.
func (o worksOptions) onCrowd(ctx context.Context, in *install.Installation, members int, out io.Writer) error {
	b, err := o.bench(in, out)
	if err != nil {
		return err
	}
	b.share = min(b.share, members)
	all := make([]string, members)
	for i := range all {
		all[i] = fmt.Sprintf("c%04d", i)
	}
	c := crowd.New(all, crowd.Options{Wrote: b.arrivals.wrote})
	endpoint, stop, err := b.serve(ctx, c)
	if err != nil {
		return err
	}
	defer stop()
	before, err := b.begin(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.join(ctx, all, endpoint); err != nil {
		return err
	}
	b.say("\n%d members in memory: all Ready after %.1f s", members, time.Since(began).Seconds())
	if err := b.prepareCrowd(ctx, c, all); err != nil {
		return err
	}
	if err := b.end(ctx, before, members, "member"); err != nil {
		return err
	}

	groups := members / b.share
	var templates []*appsv1.Deployment
	for i := range b.works / b.share {
		templates = append(templates, b.template(i, i%groups, b.share))
	}
	b.say("%d Deployments, each to %d of %d members, %d Works:", len(templates), b.share, members, len(templates)*b.share)
	if err := b.carry(ctx, templates, b.share); err != nil {
		return err
	}
	if err := b.changing(ctx, templates, b.share); err != nil {
		return err
	}
	return b.repair(ctx, c, all)
}

// serve opens the crowd's port on a host of its own.
func (b *worksBench) serve(ctx context.Context, c *crowd.Crowd) (endpoint string, stop func(), err error) {
	host, err := b.in.Fleet.AddHost(fleet.HostSpec{Name: "crowd"})
	if err != nil {
		return "", nil, err
	}
	listener, err := host.Listen(ctx, "tcp", net.JoinHostPort(host.Addr().String(), "6443"))
	if err != nil {
		return "", nil, err
	}
	cert, key, err := b.in.Fleet.Hub.Files.ServingFor("crowd", host.Addr().String())
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: c, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13}}
	go func() { _ = server.ServeTLS(listener, cert, key) }() // ends with Close
	return "https://" + listener.Addr().String(), func() {
		c.Close()
		_ = server.Close()
	}, nil
}

// join makes the Clusters and waits until they are Ready.
func (b *worksBench) join(ctx context.Context, all []string, endpoint string) error {
	writers, writing := errgroup.WithContext(ctx)
	writers.SetLimit(b.writers)
	for i, name := range all {
		writers.Go(func() error {
			ref := &clusterv1alpha1.LocalSecretReference{Namespace: names.ClusterNamespace, Name: names.ClusterSecretName(name)}
			for _, obj := range []client.Object{
				&corev1.Secret{
					ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name},
					Data:       map[string][]byte{names.SecretKeyToken: []byte("crowd"), names.SecretKeyCABundle: b.in.Fleet.Hub.Files.CA.Pair().Certificate},
				},
				&clusterv1alpha1.Cluster{
					ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{groupLabel: fmt.Sprintf("g%03d", i/b.share)}},
					Spec:       clusterv1alpha1.ClusterSpec{ID: name, SyncMode: clusterv1alpha1.Push, APIEndpoint: endpoint + "/" + name, SecretRef: ref},
				},
			} {
				if err := b.hub.Create(writing, obj); err != nil {
					return fmt.Errorf("join %s: %w", name, err)
				}
			}
			return nil
		})
	}
	if err := writers.Wait(); err != nil {
		return err
	}
	return install.Await(ctx, 10*time.Minute, func(ctx context.Context) error {
		var list clusterv1alpha1.ClusterList
		if err := b.hub.List(ctx, &list); err != nil {
			return err
		}
		n := 0
		for i := range list.Items {
			if install.Ready(&list.Items[i]) && len(list.Items[i].Status.APIEnablements) > 0 {
				n++
			}
		}
		if n < len(all) {
			return fmt.Errorf("%d of %d members are Ready", n, len(all))
		}
		return nil
	})
}

// prepareCrowd makes namespaces, which go to every member by themselves, and policies.
func (b *worksBench) prepareCrowd(ctx context.Context, c *crowd.Crowd, all []string) error {
	began := time.Now()
	if err := b.namespaces(ctx); err != nil {
		return err
	}
	if err := everyMember(ctx, c, all, schema.GroupResource{Resource: "namespaces"}, namespaces); err != nil {
		return err
	}
	took := time.Since(began)
	b.say("%d namespaces in every member after %.1f s: %.0f Works/s", namespaces, took.Seconds(), float64(namespaces*len(all))/took.Seconds())
	for g := range len(all) / b.share {
		group := fmt.Sprintf("g%03d", g)
		if err := b.hub.Create(ctx, everywhere(group, &metav1.LabelSelector{MatchLabels: map[string]string{groupLabel: group}}, nil)); err != nil {
			return err
		}
	}
	return b.calm(ctx)
}

// everyMember waits until every member has at least so many objects of a resource.
func everyMember(ctx context.Context, c *crowd.Crowd, all []string, resource schema.GroupResource, n int) error {
	return install.Await(ctx, 10*time.Minute, func(context.Context) error {
		for _, name := range all {
			if have := c.Member(name).Count(resource); have < n {
				return fmt.Errorf("%s has %d %s, not %d", name, have, resource, n)
			}
		}
		return nil
	})
}

// repair deletes every Deployment in every member at once: what execution can do when the hub's API
// server is not in the way.
func (b *worksBench) repair(ctx context.Context, c *crowd.Crowd, all []string) error {
	if err := b.calm(ctx); err != nil {
		return err
	}
	before, err := b.begin(ctx)
	if err != nil {
		return err
	}
	had, sum := map[string]int{}, 0
	for _, name := range all {
		had[name] = c.Member(name).Count(deployments)
		sum += had[name]
	}
	began := time.Now()
	for _, name := range all {
		c.Member(name).Forget(deployments)
	}
	for _, name := range all {
		if err := everyMember(ctx, c, []string{name}, deployments, had[name]); err != nil {
			return err
		}
	}
	took := time.Since(began)
	b.say("%d objects deleted in the members: back after %.1f s, %.0f Works/s", sum, took.Seconds(), float64(sum)/took.Seconds())
	if err := b.calm(ctx); err != nil {
		return err
	}
	return b.end(ctx, before, sum, "object")
}

// heap is what the controllers' live and not yet collected objects take, in megabytes.
func (b *worksBench) heap(ctx context.Context) float64 {
	families, err := b.scrape(ctx)
	if err != nil {
		return 0
	}
	for _, m := range families["go_memstats_heap_inuse_bytes"].GetMetric() {
		return m.GetGauge().GetValue() / (1 << 20)
	}
	return 0
}

// ownTime is the processor time this program has used, in seconds.
func ownTime() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	of := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return of(usage.Utime) + of(usage.Stime)
}
