package tsig

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	// remember is how long a key is used without being read again, again how long one that does not
	// fit is believed.
	remember = time.Minute
	again    = 5 * time.Second
)

// Source reads a value of a Secret in the system namespace.
type Source func(ctx context.Context, ref trafficv1alpha1.SecretKeyRef) ([]byte, error)

// Ring holds keys. It may be used from any number of goroutines.
type Ring struct {
	source Source
	mu     sync.Mutex
	known  map[trafficv1alpha1.SecretKeyRef]secret
}

type secret struct {
	text string
	read time.Time
}

// NewRing returns a ring that holds no key yet.
func NewRing(s Source) *Ring {
	return &Ring{source: s, known: map[trafficv1alpha1.SecretKeyRef]secret{}}
}

// Get is a key in base64. One that can not be read again stays as it was read last.
func (r *Ring) Get(ctx context.Context, ref trafficv1alpha1.SecretKeyRef) (string, error) {
	return r.get(ctx, ref, remember)
}

// get is a key that was read within a duration, as far as it can be read.
func (r *Ring) get(ctx context.Context, ref trafficv1alpha1.SecretKeyRef, within time.Duration) (string, error) {
	r.mu.Lock()
	s, ok := r.known[ref]
	r.mu.Unlock()
	if ok && time.Since(s.read) < within {
		return s.text, nil
	}
	value, err := r.source(ctx, ref)
	if err != nil {
		if ok {
			return s.text, nil
		}
		return "", err
	}
	text := strings.TrimSpace(string(value))
	if raw, err := base64.StdEncoding.DecodeString(text); err != nil || len(raw) < 16 {
		return "", fmt.Errorf("%s of Secret %s is no key: it must be at least 16 octets in base64, as tsig-keygen makes them", ref.Key, ref.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[ref] = secret{text, time.Now()}
	return text, nil
}
