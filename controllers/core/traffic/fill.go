package traffic

import "math"

// levelStep is by how many points of capacity the level rises at a time, once there is no room below
// the target anywhere.
const levelStep = 5

// negligible is a number of requests per second that is none.
const negligible = 1e-6

// origin is clients who prefer the same clusters in the same order.
type origin struct {
	// demand in requests per second.
	demand float64
	// shares are where they would go: of each endpoint, adding up to 1. homes are those with a share,
	// by index.
	shares []float64
	homes  []int
	// native clients are at home where they would go. Others come from farther away, or have lost theirs.
	native bool
	// ranks are the endpoints that may take what is too much, best first. Those of one rank are alike.
	ranks [][]int
}

// ask is what an origin wants of an endpoint.
type ask struct {
	origin, endpoint int
	n                float64
}

// filling is who takes how many requests of whom.
type filling struct {
	origins  []origin
	capacity []float64 // by endpoint
	load     []float64 // by endpoint
	given    [][]float64
	left     []float64 // by origin: what nobody has taken yet
	// level up to which clusters were filled: the target, unless there was no room below it.
	level float64

	// what is used again and again
	asks        []ask
	asked, part []float64 // by endpoint
	lacks       []float64
	takes       []float64 // by endpoint
	gives       []float64 // by endpoint
}

func newFilling(origins []origin, capacity []float64) *filling {
	n := len(capacity)
	f := &filling{
		origins: origins, capacity: capacity, load: make([]float64, n), given: make([][]float64, len(origins)), left: make([]float64, len(origins)),
		asked: make([]float64, n), part: make([]float64, n), takes: make([]float64, n), gives: make([]float64, n),
	}
	all := make([]float64, len(origins)*n)
	for i := range origins {
		f.given[i] = all[i*n : (i+1)*n]
	}
	return f
}

// fill finds a place for all requests. Everybody goes where they would go as far as it holds, up to
// target percent of a cluster's capacity; what is too much there goes to the next rank that has room.
// Those who are native to a cluster come before those who are not, and both before what spills over to
// it. When no room is left below the target
// the level rises, for all alike. What is then left stays at home: an overload is not passed on to
// those who have none of their own.
func (f *filling) fill(target float64) {
	clear(f.load)
	for i, o := range f.origins {
		clear(f.given[i])
		f.left[i] = o.demand
	}
	for level := target; ; level = math.Min(level+levelStep, 100) {
		f.level = level
		f.home(level)
		for rank := 0; f.remains() && rank < f.depth(); rank++ {
			f.offer(rank, level)
		}
		if !f.remains() || level >= 100 {
			break
		}
	}
}

func (f *filling) remains() bool {
	for _, left := range f.left {
		if left > negligible {
			return true
		}
	}
	return false
}

func (f *filling) depth() (n int) {
	for i := range f.origins {
		if f.left[i] > negligible {
			n = max(n, len(f.origins[i].ranks))
		}
	}
	return n
}

func (f *filling) room(endpoint int, level float64) float64 {
	return math.Max(0, f.capacity[endpoint]*level/100-f.load[endpoint])
}

// home offers what is left to where it would go, and no more to anyone than would go there.
func (f *filling) home(level float64) {
	for _, native := range []bool{true, false} {
		for i := range f.origins {
			if o := &f.origins[i]; o.native == native && f.left[i] > negligible {
				for h, n := range f.missing(i) {
					f.ask(i, o.homes[h], n)
				}
			}
		}
		f.accept(level)
	}
}

// missing is what nobody has taken of an origin, by its homes. It is good until the next call.
func (f *filling) missing(i int) []float64 {
	o := &f.origins[i]
	f.lacks = f.lacks[:0]
	var sum float64
	for _, c := range o.homes {
		n := math.Max(0, o.demand*o.shares[c]-f.given[i][c])
		f.lacks = append(f.lacks, n)
		sum += n
	}
	if sum > 0 {
		for h := range f.lacks {
			f.lacks[h] *= math.Min(1, f.left[i]/sum)
		}
	}
	return f.lacks
}

// offer offers what is left to the endpoints of a rank, by their room.
func (f *filling) offer(rank int, level float64) {
	for i := range f.origins {
		if f.left[i] <= negligible || rank >= len(f.origins[i].ranks) {
			continue
		}
		var room float64
		for _, c := range f.origins[i].ranks[rank] {
			room += f.room(c, level)
		}
		if room <= negligible {
			continue
		}
		part := math.Min(1, f.left[i]/room)
		for _, c := range f.origins[i].ranks[rank] {
			f.ask(i, c, f.room(c, level)*part)
		}
	}
	f.accept(level)
}

func (f *filling) ask(origin, endpoint int, n float64) {
	if n > 0 {
		f.asks = append(f.asks, ask{origin, endpoint, n})
		f.asked[endpoint] += n
	}
}

// accept gives to each endpoint what is asked of it as far as it has room; when it has too little,
// everybody gets the same part of what they asked for.
func (f *filling) accept(level float64) {
	for _, a := range f.asks {
		f.part[a.endpoint] = math.Min(1, f.room(a.endpoint, level)/f.asked[a.endpoint])
	}
	for _, a := range f.asks {
		n := a.n * f.part[a.endpoint]
		f.given[a.origin][a.endpoint] += n
		f.left[a.origin] -= n
		f.load[a.endpoint] += n
		f.asked[a.endpoint] = 0
	}
	f.asks = f.asks[:0]
}

// over is by how much endpoints are given more than they have room for.
func (f *filling) over() []float64 {
	out := make([]float64, len(f.capacity))
	for i := range f.origins {
		for h, n := range f.missing(i) {
			out[f.origins[i].homes[h]] += n
		}
	}
	return out
}

// shifts are the points by which the clients of each origin are to be shifted: what is too much at home
// in whole percent, rounded up. They sum up to 0.
func (f *filling) shifts() [][]int32 {
	n := len(f.capacity)
	out, all := make([][]int32, len(f.origins)), make([]int32, len(f.origins)*n)
	for i := range f.origins {
		out[i] = all[i*n : (i+1)*n]
		f.shift(out[i], i)
	}
	return out
}

func (f *filling) shift(out []int32, i int) {
	o := &f.origins[i]
	if o.demand <= negligible {
		return
	}
	clear(f.takes)
	goes := f.gives // where everybody goes, until it is known who gives
	copy(goes, f.given[i])
	for h, n := range f.missing(i) {
		goes[o.homes[h]] += n
	}
	var taken, given float64
	for c, n := range goes {
		if n == 0 && o.shares[c] == 0 {
			continue
		}
		if d := n/o.demand - o.shares[c]; d > 0 {
			f.takes[c], f.gives[c] = d, 0
			taken += d
		} else {
			f.gives[c] = -d
			given -= d
		}
	}
	points := int32(math.Ceil(math.Min(taken, given)*100 - 1e-3))
	if points <= 0 {
		return
	}
	apportion(out, f.takes, points, 1)
	apportion(out, f.gives, points, -1)
}

// apportion divides points by weight, to the last one: each gets what is due to all up to itself, less
// what those before it got. They are added to out, with a sign.
func apportion(out []int32, weights []float64, points, sign int32) {
	var total, seen float64
	for _, w := range weights {
		total += w
	}
	if total <= 0 {
		return
	}
	var given int32
	for i, w := range weights {
		if w > 0 {
			seen += w
			due := int32(math.Round(float64(points) * seen / total))
			out[i] += sign * (due - given)
			given = due
		}
	}
}
