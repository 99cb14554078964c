package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// errNoHub says that no way to the hub is known yet.
var errNoHub = errors.New("the hub has not been found yet")

func (f *Feed) hub() (rest.Interface, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.client == nil {
		return nil, errNoHub
	}
	return f.client, nil
}

// Secret is a value of a Secret in the system namespace. It is read, and not kept.
func (f *Feed) Secret(ctx context.Context, ref trafficv1alpha1.SecretKeyRef) ([]byte, error) {
	c, err := f.hub()
	if err != nil {
		return nil, err
	}
	body, err := c.Get().AbsPath("/api/v1/namespaces", names.SystemNamespace, "secrets", ref.Name).Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("Secret %s: %w", ref.Name, cause(ctx, err))
	}
	var s corev1.Secret
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, fmt.Errorf("Secret %s: %w", ref.Name, err)
	}
	value, ok := s.Data[ref.Key]
	if !ok {
		return nil, fmt.Errorf("Secret %s has no entry %q", ref.Name, ref.Key)
	}
	return value, nil
}

// Records reads ZoneRecords as the hub has them now.
func (f *Feed) Records(ctx context.Context, name string) (*trafficv1alpha1.ZoneRecords, error) {
	c, err := f.hub()
	if err != nil {
		return nil, err
	}
	out := &trafficv1alpha1.ZoneRecords{}
	if err := c.Get().Resource(recordResource).Name(name).Do(ctx).Into(out); err != nil {
		return nil, cause(ctx, err)
	}
	return out, nil
}

// SetRecords creates ZoneRecords that have no resource version and replaces others. This server
// serves them at once.
func (f *Feed) SetRecords(ctx context.Context, r *trafficv1alpha1.ZoneRecords) error {
	c, err := f.hub()
	if err != nil {
		return err
	}
	request := c.Post().Resource(recordResource)
	if r.ResourceVersion != "" {
		request = c.Put().Resource(recordResource).Name(r.Name)
	}
	out := &trafficv1alpha1.ZoneRecords{}
	if err := request.Param("fieldManager", fieldManager).Body(r).Do(ctx).Into(out); err != nil {
		return cause(ctx, err)
	}
	out.SetManagedFields(nil)
	f.change(func() bool {
		changed, _ := f.records.Put(out)
		return changed
	})
	return nil
}
