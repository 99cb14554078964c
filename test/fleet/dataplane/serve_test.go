package dataplane

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// freePort returns a loopback address nobody listens on.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func get(t *testing.T, at netip.AddrPort, path string) (Identity, *http.Response, error) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + at.String() + path)
	if err != nil {
		return Identity{}, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var identity Identity
	if err := json.Unmarshal(body, &identity); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return identity, response, nil
}

// testServers are servers, and what they have put off.
func testServers(t *testing.T) (*servers, func()) {
	var late []func()
	s := newServers(func(_ time.Duration, do func()) { late = append(late, do) })
	later := func() {
		for _, do := range late {
			do()
		}
	}
	t.Cleanup(func() { s.sync(nil); later() })
	return &s, later
}

func TestAPodSaysWhoItIsUntilItIsGone(t *testing.T) {
	at := freePort(t)
	s, later := testServers(t)
	v1 := Identity{Pod: "web-1", Namespace: "shop", Cluster: "fra", Node: "fra-0", Image: "shop:1"}
	v2 := v1
	v2.Image = "shop:2"
	for _, identity := range []Identity{v1, v1, v2} {
		if err := s.sync(map[netip.AddrPort]Identity{at: identity}); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/", "/healthz", "/any/other"} {
			got, response, err := get(t, at, path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(identity, got); diff != "" || response.StatusCode != http.StatusOK {
				t.Errorf("%s: %d %s", path, response.StatusCode, diff)
			}
			if response.Header.Get("X-Pod") != "web-1" || response.Header.Get("X-Cluster") != "fra" {
				t.Errorf("headers %v", response.Header)
			}
		}
	}
	if err := s.sync(nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := get(t, at, "/"); err != nil {
		t.Errorf("a pod that is going: %v, want it to take what was handed to it a moment before", err)
	}
	later()
	if _, _, err := get(t, at, "/"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a pod that is gone: %v", err)
	}
}

func TestAnAddressThatIsTakenIsReportedAndTheOthersServed(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	busy, free := taken.Addr().(*net.TCPAddr).AddrPort(), freePort(t)
	s, _ := testServers(t)
	want := map[netip.AddrPort]Identity{busy: {Pod: "a"}, free: {Pod: "b"}}
	if err := s.sync(want); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v", err)
	}
	if got, _, err := get(t, free, "/"); err != nil || got.Pod != "b" {
		t.Errorf("%v, %v", got, err)
	}
	taken.Close()
	if err := s.sync(want); err != nil {
		t.Errorf("tried again: %v", err)
	}
}

func TestForwardingGoesRoundAndPassesOverTheDead(t *testing.T) {
	s, _ := testServers(t)
	a, b, dead, front := freePort(t), freePort(t), freePort(t), freePort(t)
	if err := s.sync(map[netip.AddrPort]Identity{a: {Pod: "a"}, b: {Pod: "b"}}); err != nil {
		t.Fatal(err)
	}
	f := &forwarders{running: map[netip.AddrPort]*forwarder{}}
	t.Cleanup(func() { f.sync(nil) })
	count := func(backends ...netip.AddrPort) map[string]int {
		t.Helper()
		if err := f.sync(map[netip.AddrPort][]netip.AddrPort{front: backends}); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for range 6 {
			got, _, err := get(t, front, "/")
			if err != nil {
				t.Fatal(err)
			}
			seen[got.Pod]++
		}
		return seen
	}
	if diff := cmp.Diff(map[string]int{"a": 3, "b": 3}, count(a, b)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"a": 6}, count(a, dead)); diff != "" {
		t.Error(diff)
	}
	if err := f.sync(nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := get(t, front, "/"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("without endpoints: %v", err)
	}
}
