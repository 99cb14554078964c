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
	// shares are where they would go: of each endpoint, adding up to 1.
	shares []float64
	// native clients are at home where they would go. Others come from farther away, or have lost theirs.
	native bool
	// ranks are the endpoints that may take what is too much, best first. Those of one rank are alike.
	ranks [][]int
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
}

// fill finds a place for all requests. Everybody goes where they would go as far as it holds, up to
// target percent of a cluster's capacity; what is too much there goes to the next rank that has room.
// Those who are native to a cluster come before those who are not, and both before what spills over to
// it. When no room is left below the target
// the level rises, for all alike. What is then left stays at home: an overload is not passed on to
// those who have none of their own.
func fill(origins []origin, capacity []float64, target float64) *filling {
	f := &filling{origins: origins, capacity: capacity, load: make([]float64, len(capacity))}
	for _, o := range origins {
		f.given = append(f.given, make([]float64, len(capacity)))
		f.left = append(f.left, o.demand)
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
	return f
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
		f.accept(level, func(i int, ask []float64) {
			if f.origins[i].native == native {
				copy(ask, f.missing(i))
			}
		})
	}
}

// missing is what nobody has taken of an origin, by where it would go.
func (f *filling) missing(i int) []float64 {
	o, out := &f.origins[i], make([]float64, len(f.capacity))
	var sum float64
	for c, share := range o.shares {
		out[c] = math.Max(0, o.demand*share-f.given[i][c])
		sum += out[c]
	}
	for c := range out {
		if sum > 0 {
			out[c] *= math.Min(1, f.left[i]/sum)
		}
	}
	return out
}

// offer offers what is left to the endpoints of a rank, by their room.
func (f *filling) offer(rank int, level float64) {
	f.accept(level, func(i int, ask []float64) {
		if rank >= len(f.origins[i].ranks) {
			return
		}
		var room float64
		for _, c := range f.origins[i].ranks[rank] {
			room += f.room(c, level)
		}
		if room <= negligible {
			return
		}
		part := math.Min(1, f.left[i]/room)
		for _, c := range f.origins[i].ranks[rank] {
			ask[c] = f.room(c, level) * part
		}
	})
}

// accept gives to each endpoint what is asked of it as far as it has room; when it has too little,
// everybody gets the same part of what they asked for.
func (f *filling) accept(level float64, asks func(origin int, ask []float64)) {
	all, asked := make([][]float64, len(f.origins)), make([]float64, len(f.capacity))
	for i := range f.origins {
		if f.left[i] <= negligible {
			continue
		}
		all[i] = make([]float64, len(f.capacity))
		asks(i, all[i])
		for c, n := range all[i] {
			asked[c] += n
		}
	}
	part := make([]float64, len(f.capacity))
	for c, n := range asked {
		if n > 0 {
			part[c] = math.Min(1, f.room(c, level)/n)
		}
	}
	for i, ask := range all {
		for c, n := range ask {
			if n > 0 {
				n *= part[c]
				f.given[i][c] += n
				f.left[i] -= n
				f.load[c] += n
			}
		}
	}
}

// shifts are the points by which the clients of an origin are to be shifted: what is too much at home
// in whole percent, rounded up. They sum up to 0.
func (f *filling) shifts(i int) []int32 {
	o := &f.origins[i]
	out := make([]int32, len(f.capacity))
	if o.demand <= negligible {
		return out
	}
	takes, gives := make([]float64, len(out)), make([]float64, len(out))
	var taken, given float64
	missing := f.missing(i)
	for c := range out {
		if d := (f.given[i][c]+missing[c])/o.demand - o.shares[c]; d > 0 {
			takes[c] = d
			taken += d
		} else {
			gives[c] = -d
			given -= d
		}
	}
	points := int32(math.Ceil(math.Min(taken, given)*100 - 1e-3))
	for c, n := range apportion(takes, points) {
		out[c] += n
	}
	for c, n := range apportion(gives, points) {
		out[c] -= n
	}
	return out
}

// apportion divides points by weight, to the last one: each gets what is due to all up to itself, less
// what those before it got.
func apportion(weights []float64, points int32) []int32 {
	out := make([]int32, len(weights))
	var total, seen float64
	for _, w := range weights {
		total += w
	}
	if total <= 0 {
		return out
	}
	var given int32
	for i, w := range weights {
		seen += w
		due := int32(math.Round(float64(points) * seen / total))
		out[i] = due - given
		given = due
	}
	return out
}
