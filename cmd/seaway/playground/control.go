//go:build linux

package playground

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// The control protocol is HTTP on a unix socket:
//
//	GET  /start   lines of JSON, one for each line of progress, the last one with the outcome
//	GET  /report  a report
//	POST /faults  a faultOrder
//	POST /down    stops the playground; answers when it is about to
//
// Errors are plain text with a status of 4xx or 5xx.

// progress is one line of /start.
type progress struct {
	Line  string `json:"line,omitempty"`
	Done  bool   `json:"done,omitempty"`
	Error string `json:"error,omitempty"`
}

// serve answers on the listener until the server is closed.
func (s *supervisor) serve(listener net.Listener) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /start", s.handleStart)
	mux.HandleFunc("GET /report", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.current()) })
	mux.HandleFunc("POST /faults", s.handleFaults)
	mux.HandleFunc("POST /down", func(w http.ResponseWriter, _ *http.Request) { s.cancel() })
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	return server
}

func (s *supervisor) handleStart(w http.ResponseWriter, r *http.Request) {
	encoder := json.NewEncoder(w)
	send := func(p progress) {
		_ = encoder.Encode(p) // a reader that has gone away needs no more lines
		_ = http.NewResponseController(w).Flush()
	}
	err := s.journal.read(r.Context(), func(line string) { send(progress{Line: line}) })
	last := progress{Done: true}
	if err != nil {
		last.Error = err.Error()
	}
	send(last)
}

func (s *supervisor) handleFaults(w http.ResponseWriter, r *http.Request) {
	var order faultOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f, err := s.started()
	if err == nil {
		err = order.apply(r.Context(), f)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
	}
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a client that has gone away needs no answer
}

// shutdown lets answers that are under way get out.
func shutdown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = server.Shutdown(ctx) // the process ends in any case
}

// errNotRunning says that no supervisor listens.
var errNotRunning = errors.New("no playground is running: start one with `seaway playground up`")

// remote is a client of a supervisor.
type remote struct{ http http.Client }

func dial(state state) *remote {
	return &remote{http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", state.socket())
		},
	}}}
}

// do sends a request and returns the answer's body, to be closed.
func (r *remote) do(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://playground"+path, body)
	if err != nil {
		return nil, err
	}
	response, err := r.http.Do(request)
	if _, unreachable := errors.AsType[*net.OpError](err); unreachable && ctx.Err() == nil {
		return nil, errNotRunning
	}
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		message, _ := io.ReadAll(response.Body) // it only explains the status
		return nil, fmt.Errorf("%s", message)
	}
	return response.Body, nil
}

func (r *remote) report(ctx context.Context) (*report, error) {
	body, err := r.do(ctx, http.MethodGet, "/report", nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var got report
	return &got, json.NewDecoder(body).Decode(&got)
}

// follow prints the progress of a start until it is over, and returns how it went.
func (r *remote) follow(ctx context.Context, line func(string)) error {
	body, err := r.do(ctx, http.MethodGet, "/start", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	for decoder := json.NewDecoder(body); ; {
		var p progress
		if err := decoder.Decode(&p); err != nil {
			return fmt.Errorf("the supervisor has ended: %w", err)
		}
		switch {
		case p.Error != "":
			return errors.New(p.Error)
		case p.Done:
			return nil
		default:
			line(p.Line)
		}
	}
}

// order sends a JSON body and expects no answer.
func (r *remote) order(ctx context.Context, path string, body io.Reader) error {
	answer, err := r.do(ctx, http.MethodPost, path, body)
	if err != nil {
		return err
	}
	return answer.Close()
}
