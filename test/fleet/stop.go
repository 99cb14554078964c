//go:build linux

package fleet

import (
	"errors"
	"sync"
	"time"
)

// Grace periods of Stop. An API server that has lost its store would not end at the first request, so
// the store ends last.
const (
	clientGrace = 3 * time.Second
	serverGrace = 5 * time.Second
	storeGrace  = 3 * time.Second
)

// Stop ends every process, removes the namespaces and closes the forwarded ports. Logs and stores stay
// in Dir. Calling it again does nothing.
func (f *Fleet) Stop() (err error) {
	f.stop.Do(func() { err = f.stopAll() })
	return err
}

func (f *Fleet) stopAll() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, forward := range f.forwards {
		forward.close()
	}
	var clients, servers []*Process
	for _, host := range f.hosts {
		api := host.Process(APIServer)
		for _, p := range host.Processes() {
			if p == api {
				servers = append(servers, p)
			} else {
				clients = append(clients, p)
			}
		}
	}
	stopTogether(clients, clientGrace)
	stopTogether(servers, serverGrace)
	if f.etcd != nil {
		f.etcd.Stop(storeGrace)
	}
	var errs []error
	for _, host := range f.hosts {
		errs = append(errs, endProcesses(host.Namespace()), host.namespace.Close())
	}
	if f.cable != nil {
		errs = append(errs, f.cable.Close())
	}
	errs = append(errs, f.claim.clean())
	f.claim.release()
	return errors.Join(errs...)
}

func stopTogether(processes []*Process, grace time.Duration) {
	var all sync.WaitGroup
	for _, p := range processes {
		all.Go(func() { p.Stop(grace) })
	}
	all.Wait()
}
