package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options of a run.
type options struct {
	world
	rounds   int
	duration time.Duration
	sizes    []int
	steps    []string
	idle     int
	dir      string
}

func main() {
	serve := flag.String("serve", "", "be a server: ours or handler")
	slow := flag.Duration("slow", 0, "what each query costs on top")
	geo := flag.Bool("geo", false, "serve host names by place too")
	signed := flag.Bool("signed", false, "sign the zones")
	conns := flag.Int("tcp", 64, "TCP connections that are accepted")
	var o options
	flag.IntVar(&o.names, "names", 10_000, "names")
	flag.IntVar(&o.zones, "zones", 100, "zones")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each server and set")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "length of a round")
	flag.IntVar(&o.idle, "idle", 20_000, "idle TCP connections")
	sizes := flag.String("sizes", "100,10000,100000,1000000", "numbers of names to compare")
	steps := flag.String("steps", "speed,signed,growth,overload,idle", "what to measure")
	flag.Parse()
	o.steps = strings.Split(*steps, ",")
	var err error
	switch *serve {
	case "ours":
		err = serveOurs(o.world, *geo, *signed, *slow, *conns)
	case "handler":
		err = serveHandler(o.world)
	default:
		for text := range strings.SplitSeq(*sizes, ",") {
			n, err := strconv.Atoi(text)
			if err != nil {
				fmt.Fprintln(os.Stderr, "-sizes:", err)
				os.Exit(2)
			}
			o.sizes = append(o.sizes, n)
		}
		err = measure(&o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-dns:", err)
		os.Exit(1)
	}
}

// pinSelf starts this program anew on the core of the load.
func pinSelf() error {
	if os.Getenv("BENCH_DNS_PINNED") != "" {
		return nil
	}
	path, err := exec.LookPath("taskset")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(path, append([]string{"taskset", "-c", loadCore, self}, os.Args[1:]...), append(os.Environ(), "BENCH_DNS_PINNED=1"))
}

func measure(o *options) error {
	if runtime.NumCPU() < 2 && os.Getenv("BENCH_DNS_PINNED") == "" {
		return fmt.Errorf("one core is for the servers and one for the load: this machine has %d", runtime.NumCPU())
	}
	if err := pinSelf(); err != nil {
		return err
	}
	// Both ends of many connections; what is not allowed shows when they are opened.
	files := uint64(o.idle + 1000)
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: files, Max: max(files, 1<<16)})
	var err error
	if o.dir, err = os.MkdirTemp("", "bench-dns-"); err != nil {
		return err
	}
	defer os.RemoveAll(o.dir)
	steps := map[string]func(*options) error{"speed": speed, "signed": signedZones, "growth": growth, "overload": overload, "idle": idleConnections}
	for _, name := range o.steps {
		step, ok := steps[name]
		if !ok {
			return fmt.Errorf("-steps: there is no %q", name)
		}
		if err := step(o); err != nil {
			return err
		}
	}
	if slices.Contains(o.steps, "signed") {
		signedRatio()
	}
	if slices.Contains(o.steps, "speed") {
		ratios()
	}
	return nil
}

// contestant is a server and the sets it is asked.
type contestant struct {
	name  string
	start func(o *options) (*process, error)
	sets  []string
}

var contestants = []contestant{
	{"seaway", func(o *options) (*process, error) { return startSelf("ours", o.world, "-geo") }, []string{"plain", "geo", "nxdomain", "cookie"}},
	{"nsd", func(o *options) (*process, error) { return startForeign("nsd", o.dir, o.world) }, []string{"plain", "nxdomain", "cookie"}},
	{"knot", func(o *options) (*process, error) { return startForeign("knot", o.dir, o.world) }, []string{"plain", "nxdomain"}},
	{"handler", func(o *options) (*process, error) { return startSelf("handler", o.world) }, []string{"plain", "nxdomain"}},
}

// figures of a server and a set, one of each for every round.
type figures struct{ perCPU, user, system, rate []float64 }

var measured = map[string]*figures{}

func best(all []float64) float64 { return slices.Max(all) }

func median(all []float64) float64 {
	s := slices.Sorted(slices.Values(all))
	return s[len(s)/2]
}

// window is how many queries are under way: enough to keep a server busy, too few to overflow its
// socket.
const window = 192

// speed prints answers for each second of the server's CPU, in rounds that take turns.
func speed(o *options) error {
	var running []*process
	defer func() {
		for _, p := range running {
			p.stop()
		}
	}()
	fmt.Printf("%d names in %d zones; %d rounds of %v; best (median)\n", o.names, o.zones, o.rounds, o.duration)
	for _, c := range contestants {
		p, err := c.start(o)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		running = append(running, p)
		if err := p.wait(o.set("plain")); err != nil {
			return err
		}
	}
	sets := map[string]set{}
	for _, name := range []string{"plain", "geo", "nxdomain", "cookie"} {
		sets[name] = o.set(name)
	}
	var allocated, asked int
	for range o.rounds {
		for i, c := range contestants {
			for _, name := range c.sets {
				p := running[i]
				before := 0
				if c.name == "seaway" {
					before = p.mallocs()
				}
				r, err := round(p, c.name, sets[name], o.duration)
				if err != nil {
					return err
				}
				if c.name == "seaway" {
					allocated += p.mallocs() - before
					asked += r.answered
				}
			}
		}
	}
	fmt.Printf("%-10s %-9s %22s %16s %14s %14s\n", "server", "set", "answers/CPU-s", "answers/s", "user µs", "system µs")
	for _, c := range contestants {
		for _, name := range c.sets {
			f := measured[c.name+" "+name]
			fmt.Printf("%-10s %-9s %12.0f (%7.0f) %16.0f %14.2f %14.2f\n", c.name, name, best(f.perCPU), median(f.perCPU), best(f.rate), slices.Min(f.user), slices.Min(f.system))
		}
	}
	fmt.Printf("\nallocations per query, in the whole process: %.4f\n", float64(allocated)/float64(max(asked, 1)))
	if err := latency(o, running, sets); err != nil {
		return err
	}
	for i, c := range contestants {
		fmt.Printf("memory of %s: %.1f MB\n", c.name, running[i].memory())
	}
	return nil
}

// starved is how often a round is tried in which the machine had no time for server or load.
const starved = 10

// round measures once.
func round(p *process, name string, s set, d time.Duration) (r result, err error) {
	for range starved {
		if r, err = try(p, name, s, d); err != nil || r.answered > 0 {
			return r, err
		}
	}
	return r, fmt.Errorf("%s, %s: no answers: %v", name, s.name, r)
}

func try(p *process, name string, s set, d time.Duration) (result, error) {
	l, err := newLoad(p.port, s)
	if err != nil {
		return result{}, err
	}
	defer l.close()
	l.closed(d/8, window) // so that caches are warm
	family := p.family()
	u0, s0 := p.cpu(family)
	r := l.closed(d, window)
	u1, s1 := p.cpu(family)
	if r.wrong > r.answered/1000 {
		return r, fmt.Errorf("%s, %s: wrong answers: %v", name, s.name, r)
	}
	if r.answered == 0 {
		return r, nil
	}
	f := measured[name+" "+s.name]
	if f == nil {
		f = &figures{}
		measured[name+" "+s.name] = f
	}
	n := float64(r.answered)
	f.perCPU = append(f.perCPU, n/max(u1+s1-u0-s0, time.Millisecond).Seconds())
	f.user = append(f.user, float64((u1-u0).Microseconds())/n)
	f.system = append(f.system, float64((s1-s0).Microseconds())/n)
	f.rate = append(f.rate, r.rate())
	return r, nil
}

// latencyRounds is how often latency is measured, each time for an eighth of a round: where the machine is not all
// ours, somebody takes a core now and then for longer than an answer takes, and short rounds fit in between. The best of them says what a server can do alone, and nothing of stalls of its own that come more seldom than that:
// the median stands beside it.
const latencyRounds = 36

// latency prints how long answers take at half of each server's best rate, in rounds that take turns.
func latency(o *options, running []*process, sets map[string]set) error {
	type row struct {
		rate          int
		p50, p99      []float64
		sent, skipped int
	}
	rows := map[string]*row{}
	for range latencyRounds {
		for i, c := range contestants {
			for _, name := range c.sets[:2] {
				key := c.name + " " + name
				if rows[key] == nil {
					rows[key] = &row{rate: int(best(measured[key].rate) / 2)}
				}
				f := rows[key]
				l, err := newLoad(running[i].port, sets[name])
				if err != nil {
					return err
				}
				r := l.open(o.duration/8, f.rate)
				l.close()
				if r.answered > 0 {
					f.p50, f.p99 = append(f.p50, microseconds(r.p50)), append(f.p99, microseconds(r.p99))
				}
				f.sent, f.skipped = f.sent+r.sent, f.skipped+r.skipped
			}
		}
	}
	fmt.Printf("\nlatency at half load, best (median) of %d rounds\n%-10s %-9s %14s %10s %18s %10s\n", latencyRounds, "server", "set", "queries/s", "p50 µs", "p99 µs", "not sent")
	for _, c := range contestants {
		for _, name := range c.sets[:2] {
			f := rows[c.name+" "+name]
			if f.p50 == nil {
				fmt.Printf("%-10s %-9s %14d: the machine had no time for it\n", c.name, name, f.rate)
				continue
			}
			fmt.Printf("%-10s %-9s %14d %10.0f %9.0f (%6.0f) %8.1f %%\n", c.name, name, f.rate, slices.Min(f.p50), slices.Min(f.p99), median(f.p99), 100*float64(f.skipped)/float64(max(f.sent+f.skipped, 1)))
		}
	}
	return nil
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// growth compares numbers of names.
func growth(o *options) error {
	fmt.Printf("\nby number of names\n%-10s %10s %22s %12s\n", "server", "names", "answers/CPU-s", "memory MB")
	memory := map[string][]float64{}
	for _, n := range o.sizes {
		at := *o
		at.names, at.zones = n, min(n, o.zones)
		for _, c := range []contestant{
			{"seaway", func(o *options) (*process, error) { return startSelf("ours", o.world) }, nil}, contestants[1],
		} {
			p, err := c.start(&at)
			if err != nil {
				return err
			}
			s := at.set("plain")
			err = p.wait(s)
			key := fmt.Sprintf("%s-%d", c.name, n)
			for range max(o.rounds/2, 1) {
				if err == nil {
					_, err = round(p, key, s, o.duration)
				}
			}
			held := p.memory()
			p.stop()
			if err != nil {
				return err
			}
			f := measured[key+" plain"]
			memory[c.name] = append(memory[c.name], held)
			fmt.Printf("%-10s %10d %12.0f (%7.0f) %12.1f\n", c.name, n, best(f.perCPU), median(f.perCPU), held)
		}
	}
	if k := len(o.sizes); k > 1 {
		more := float64(o.sizes[k-1]-o.sizes[0]) / 100_000
		for _, name := range []string{"seaway", "nsd"} {
			m := memory[name]
			fmt.Printf("memory per 100,000 names, %s: %.1f MB\n", name, (m[k-1]-m[0])/more)
		}
	}
	return nil
}

// overload asks a server that was made slow five times as much as it can answer.
func overload(o *options) error {
	p, err := startSelf("ours", o.world, "-slow", "25us")
	if err != nil {
		return err
	}
	defer p.stop()
	s := o.set("plain")
	if err := p.wait(s); err != nil {
		return err
	}
	l, err := newLoad(p.port, s)
	if err != nil {
		return err
	}
	defer l.close()
	family := p.family()
	// Others on the machine take what they like: what counts is what comes of the server's own time.
	perCPU := func(run func() result) (result, float64) {
		u0, s0 := p.cpu(family)
		r := run()
		u1, s1 := p.cpu(family)
		return r, float64(r.answered) / max(u1+s1-u0-s0, time.Millisecond).Seconds()
	}
	peak, most := perCPU(func() result { return l.closed(o.duration, window) })
	before := p.memory()
	over, under := perCPU(func() result { return l.open(o.duration, int(5*peak.rate())) })
	after := p.memory()
	back, again := perCPU(func() result { return l.closed(time.Second, window) })
	fmt.Printf("\noverload of a server with 25 µs more for each query: peak %.0f/s (%.0f/CPU-s); offered %.1f times that: %.0f/s (%.0f/CPU-s) answered within 400 ms, %.0f %% (%.0f %%); memory %.1f -> %.1f MB; in the second after it %.0f/s (%.0f/CPU-s)\n",
		peak.rate(), most, float64(over.sent)/over.took.Seconds()/peak.rate(), over.rate(), under, 100*over.rate()/peak.rate(), 100*under/most, before, after, back.rate(), again)
	return nil
}

// idleConnections measures UDP with many idle TCP connections.
func idleConnections(o *options) error {
	p, err := startSelf("ours", o.world, "-tcp", strconv.Itoa(o.idle))
	if err != nil {
		return err
	}
	defer p.stop()
	s := o.set("plain")
	if err := p.wait(s); err != nil {
		return err
	}
	without, err := best3(p, "alone", s, o)
	if err != nil {
		return err
	}
	before := p.memory()
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	var limit syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	for i := range min(o.idle, int(limit.Cur)-200) {
		d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%200))}}
		c, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
		if err != nil {
			return fmt.Errorf("after %d connections: %w", len(open), err)
		}
		open = append(open, c)
	}
	held := p.memory()
	with, err := best3(p, "crowded", s, o)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d idle TCP connections: %.0f answers/CPU-s over UDP without, %.0f with them; memory %.1f -> %.1f MB\n", len(open), without, with, before, held)
	return nil
}

func best3(p *process, name string, s set, o *options) (float64, error) {
	for range 3 {
		if _, err := round(p, name, s, o.duration/2); err != nil {
			return 0, err
		}
	}
	return best(measured[name+" "+s.name].perCPU), nil
}

// ratios prints the last lines.
func ratios() {
	nsd := measured["nsd plain"]
	plain, geo := measured["seaway plain"], measured["seaway geo"]
	fmt.Printf("\nmedians: plain %.2f, geo %.2f times NSD's plain; best:\n", median(plain.perCPU)/median(nsd.perCPU), median(geo.perCPU)/median(nsd.perCPU))
	fmt.Printf("dns plain ratio-to-nsd %.2f\n", best(plain.perCPU)/best(nsd.perCPU))
	fmt.Printf("dns geo ratio-to-nsd %.2f\n", best(geo.perCPU)/best(nsd.perCPU))
}
