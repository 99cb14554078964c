//go:build linux

package fleet

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHostsResolveAndAreSeenByTheirAddresses(t *testing.T) {
	f := sharedFleet(t)
	server, err := f.AddHost(HostSpec{Name: "server"})
	if err != nil {
		t.Fatal(err)
	}
	far, err := f.AddHost(HostSpec{Name: "far", Addresses: []string{"203.0.113.7"}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := server.Listen(t.Context(), "tcp", netip.AddrPortFrom(server.Addr(), 80).String())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) }))
	transport := far.Transport()
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Get("http://" + server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	seen := make([]byte, 100)
	n, _ := response.Body.Read(seen)
	if !strings.HasPrefix(string(seen[:n]), "203.0.113.7:") {
		t.Errorf("the server sees %s", seen[:n])
	}
	for name, spec := range map[string]HostSpec{
		"a name that is taken":     {Name: "fra"},
		"an address that is taken": {Name: "other", Addresses: []string{"203.0.113.7"}},
		"a cluster's address":      {Name: "other", Addresses: []string{"10.77.1.1"}},
		"no name":                  {},
	} {
		if _, err := f.AddHost(spec); err == nil {
			t.Errorf("%s: a host was made", name)
		}
	}
}

func TestPortsLeadInsideFromOutside(t *testing.T) {
	f := sharedFleet(t)
	s := newShop(t, f.Members["fra"], "shop:1")
	s.opens()
	at, err := f.Forward(Forward{Name: "shop", To: netip.AddrPortFrom(s.gateway, 80).String()})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + at.String())
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.Header.Get("X-Cluster") != "fra" {
		t.Errorf("%v", response.Header)
	}
	both, err := f.Forward(Forward{Name: "dns", Networks: []string{"udp", "tcp"}, From: s.visitor, To: "10.77.0.10:53"})
	if err != nil {
		t.Fatal(err)
	}
	all := f.Forwards()
	want := Forwarded{Name: "dns", Address: both.String(), Networks: []string{"udp", "tcp"}, From: "client", To: "10.77.0.10:53"}
	if diff := cmp.Diff(want, all[len(all)-1]); diff != "" {
		t.Error(diff)
	}
	if _, err := f.Forward(Forward{Name: "bad", Networks: []string{"sctp"}, To: "10.77.0.10:53"}); err == nil {
		t.Error("a port for SCTP was opened")
	}
}
