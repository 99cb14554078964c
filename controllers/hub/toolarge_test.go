package hub

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestTooLarge(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"the API server says so":       {fmt.Errorf("create: %w", apierrors.NewRequestEntityTooLargeError("limit is 3145728")), true},
		"etcd says so":                 {apierrors.NewInternalError(errors.New("etcdserver: request is too large")), true},
		"the way to etcd says so":      {apierrors.NewInternalError(errors.New("trying to send message larger than max (2 vs. 1)")), true},
		"something else is the matter": {apierrors.NewInternalError(errors.New("no leader")), false},
		"no API server said it":        {errors.New("request is too large"), false},
		"nothing is the matter":        {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := TooLarge(tc.err); got != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}
