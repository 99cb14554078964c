package hubclient

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pager gives one object at a time.
type pager struct {
	client.Reader
	asked []string
	of    []string
}

func (p *pager) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	p.asked = append(p.asked, o.Continue)
	l := list.(*corev1.ServiceList)
	l.Items = append(l.Items, corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: p.of[0]}})
	if p.of = p.of[1:]; len(p.of) > 0 {
		l.Continue = p.of[0]
	}
	return nil
}

func TestPages(t *testing.T) {
	for name, tc := range map[string]struct {
		most, want int
	}{"all of them": {99, 3}, "enough": {2, 2}} {
		t.Run(name, func(t *testing.T) {
			p := &pager{of: []string{"a", "b", "c"}}
			n := 0
			err := Pages(t.Context(), p, &corev1.ServiceList{}, func(l *corev1.ServiceList) bool {
				n += len(l.Items)
				return n < tc.most
			})
			if err != nil || n != tc.want || len(p.asked) != tc.want {
				t.Errorf("%v: %d objects, asked %q", err, n, p.asked)
			}
		})
	}
}
