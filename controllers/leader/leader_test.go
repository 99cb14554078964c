package leader

import (
	"context"
	"errors"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func leaseOf(holder, version string) func(context.Context) (*coordinationv1.Lease, error) {
	return func(context.Context) (*coordinationv1.Lease, error) {
		if version == "" {
			return nil, errors.New("refused")
		}
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{ResourceVersion: version}, Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder}}, nil
	}
}

func TestEpoch(t *testing.T) {
	for name, tc := range map[string]struct {
		term *Term
		want int64
		err  bool
		late bool
	}{
		"without leader election":           {nil, 0, false, false},
		"the lease is ours":                 {NewTerm("me", leaseOf("me", "417")), 417, false, false},
		"another holds it":                  {NewTerm("me", leaseOf("you", "417")), 0, true, true},
		"it was given up":                   {NewTerm("me", leaseOf("", "417")), 0, true, true},
		"it can not be read":                {NewTerm("me", leaseOf("me", "")), 0, true, false},
		"a version that nobody can compare": {NewTerm("me", leaseOf("me", "x")), 0, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.term.Epoch(t.Context())
			if got != tc.want || (err != nil) != tc.err || errors.Is(err, ErrNotLeading) != tc.late {
				t.Errorf("%d, %v", got, err)
			}
		})
	}
}

// The epoch of a term does not change while the Lease is renewed, and never goes back.
func TestATermHasOneEpoch(t *testing.T) {
	version, holder := "417", "me"
	term := NewTerm("me", func(ctx context.Context) (*coordinationv1.Lease, error) { return leaseOf(holder, version)(ctx) })
	expect := func(want int64, late bool, got int64, err error) {
		t.Helper()
		if got != want || errors.Is(err, ErrNotLeading) != late {
			t.Errorf("%d, %v; want %d", got, err, want)
		}
	}
	epoch, err := term.Epoch(t.Context())
	expect(417, false, epoch, err)
	version = "500"
	epoch, err = term.Epoch(t.Context())
	expect(417, false, epoch, err)
	epoch, err = term.Outlast(t.Context(), 90_000) // a backup of another hub
	expect(90_001, false, epoch, err)
	epoch, err = term.Epoch(t.Context())
	expect(90_001, false, epoch, err)
	holder = "you"
	epoch, err = term.Outlast(t.Context(), 90_002)
	expect(0, true, epoch, err)
}
