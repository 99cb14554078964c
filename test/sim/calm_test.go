package sim

import (
	"testing"
	"time"
)

func three() Options {
	return Options{Sites: []string{"fra/eu-central-1", "iad/us-east-1", "sin/ap-southeast-1"}}
}

func TestCalm(t *testing.T) {
	w := New(three()).Watch(Invariants()...)
	if err := w.Run(time.Minute); err != nil {
		t.Fatalf("%v\n%s", err, w.Story())
	}
	if err := w.Play([]Fault{{0, Kill, "fra", 0}, {10 * time.Minute, Revive, "fra", 0}}); err != nil {
		t.Fatalf("%v\n%s", err, w.Story())
	}
	if err := w.Run(20 * time.Minute); err != nil {
		t.Fatalf("%v\n%s", err, w.Story())
	}
	t.Log(w.Story())
}
