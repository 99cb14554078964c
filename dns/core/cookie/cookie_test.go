package cookie

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func unhex(t testing.TB, text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The examples of RFC 9018 appendix A.
func TestExamplesOfTheRFC(t *testing.T) {
	const old, next = "dd3bdf9344b678b185a6f5cb60fca715", "445536bcd2513298075a5d379663c962"
	for name, c := range map[string]struct {
		secrets, cookie, client string
		now                     uint32
		want                    string
		state                   State
	}{
		"a new cookie":                         {"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "198.51.100.100", 1559731985, "010000005cf79f111f8130c3eee29480", None},
		"one that is a bit older":              {"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559734385, "010000005cf7a871d4a564a1442aca77", Good},
		"reserved octets are kept in the hash": {"e5e973e5a6b2a43f48e7dc849e37bfcf", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", "203.0.113.203", 1559727985, "01abcdef5cf78f71a314227b6679ebf5", Good},
		"a new secret, IPv6":                   {next + "\n" + old, "22681ab97d52c298010000005cf7c57926556bd0934c72f8", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, "010000005cf7c609a6bb79d16625507a", Good},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSecrets([]byte(c.secrets))
			if err != nil {
				t.Fatal(err)
			}
			var out [Size]byte
			state := s.Check(unhex(t, c.cookie), netip.MustParseAddr(c.client), c.now, &out)
			if got := hex.EncodeToString(out[:]); got != c.want || state != c.state {
				t.Errorf("state %d, %s, want %d, %s", state, got, c.state, c.want)
			}
		})
	}
}

// The first values of the reference vectors: key 00 01 … 0f, data of 0, 1, 2, … octets.
func TestSipHash(t *testing.T) {
	key := [16]byte(unhex(t, "000102030405060708090a0b0c0d0e0f"))
	data := unhex(t, "000102030405060708090a0b0c0d0e")
	if h := sipHash(&key, nil); h != 0x726fdb47dd0e0e31 {
		t.Errorf("of nothing %x", h)
	}
	if h := sipHash(&key, data); h != 0xa129ca6149be45e5 {
		t.Errorf("of 15 octets %x", h)
	}
}

func TestCookiesAgeAndAreNotForOthers(t *testing.T) {
	s, _ := NewSecrets(Secret{1})
	a, now := netip.MustParseAddr("192.0.2.1"), uint32(1_800_000_000)
	var out [Size]byte
	client := []byte("8 octets")
	s.Check(client, a, now, &out)
	made := append(bytes.Clone(client), out[:]...)
	for name, c := range map[string]struct {
		cookie []byte
		addr   netip.Addr
		now    uint32
		want   State
		kept   bool
	}{
		"at once":             {made, a, now, Good, true},
		"after half an hour":  {made, a, now + 1800, Good, false},
		"after an hour":       {made, a, now + 3600, Good, false},
		"later":               {made, a, now + 3601, Bad, false},
		"from a fast clock":   {made, a, now - 300, Good, true},
		"from the future":     {made, a, now - 301, Bad, false},
		"from another":        {made, netip.MustParseAddr("192.0.2.2"), now, Bad, false},
		"of another client":   {append([]byte("eight oc"), out[:]...), a, now, Bad, false},
		"in another form":     {append(bytes.Clone(client), "12345678"...), a, now, Bad, false},
		"of a later version":  {append(append(bytes.Clone(client), 2), out[1:]...), a, now, Bad, false},
		"with a tail":         {append(bytes.Clone(made), 0), a, now, Bad, false},
		"without server part": {client, a, now, None, false},
	} {
		t.Run(name, func(t *testing.T) {
			var got [Size]byte
			if state := s.Check(c.cookie, c.addr, c.now, &got); state != c.want || (got == out) != c.kept && c.now != now {
				t.Errorf("state %d, want %d; the same cookie: %v", state, c.want, got == out)
			}
		})
	}
}

// What one server makes every other believes, whatever the rollover is at: the new secret is known
// second, then first, then alone.
func TestRolloverNeverLosesAClient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, next := Secret{1}, Secret{2}
		stages := [][]Secret{{old}, {old, next}, {next, old}, {next}}
		at := rapid.IntRange(0, 2).Draw(t, "stage")
		maker, _ := NewSecrets(stages[at]...)
		checker, _ := NewSecrets(stages[at+1]...)
		if rapid.Bool().Draw(t, "the maker is ahead") {
			maker, checker = checker, maker
		}
		client := rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "client")
		addr, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address"))
		now := rapid.Uint32().Draw(t, "now")
		var out [Size]byte
		maker.Check(client, addr, now, &out)
		var again [Size]byte
		if state := checker.Check(append(bytes.Clone(client), out[:]...), addr, now+60, &again); state != Good {
			// The last step is for when no cookie of the old secret is left.
			if at != 2 {
				t.Fatalf("stage %d: %d", at, state)
			}
		}
	})
}

func TestParseSecrets(t *testing.T) {
	good := strings.Repeat("0a", 16)
	for name, c := range map[string]struct {
		text string
		n    int
		err  string
	}{
		"one":               {good, 1, ""},
		"lines and remarks": {"# the new one\n" + good + "\r\n\n  " + strings.Repeat("FF", 16) + "\n", 2, ""},
		"none":              {"\n", 0, "0 secrets, want 1 to 4"},
		"too many":          {strings.Repeat(good+"\n", 5), 0, "5 secrets, want 1 to 4"},
		"short":             {good + "\n0a0b", 0, "line 2 is not a secret of 32 hexadecimal digits"},
		"long":              {good + "0a", 0, "line 1 is not a secret of 32 hexadecimal digits"},
		"odd":               {"abc", 0, "line 1 is not a secret of 32 hexadecimal digits"},
		"not hexadecimal":   {strings.Repeat("zz", 16), 0, "line 1 is not a secret of 32 hexadecimal digits"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSecrets([]byte(c.text))
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil || len(s.all) != c.n {
				t.Errorf("%v, %v", s, err)
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	s, _ := NewSecrets(Secret{1})
	var out [Size]byte
	client := []byte("8 octets")
	a := netip.MustParseAddr("2001:db8::1")
	s.Check(client, a, 1, &out)
	made := append(client, out[:]...)
	b.ReportAllocs()
	for b.Loop() {
		s.Check(made, a, 1, &out)
	}
}
