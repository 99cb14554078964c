package geodb
import ("testing";"net/netip";"math/rand/v2"
"github.com/seaway-io/seaway/dns/core/geo")
var sink int
func BenchmarkZZ(b *testing.B){
 source,_:=BuiltIn()
 table,_:=geo.Compile(source).Regions(threeRegions,nil)
  var l4,l6 []netip.Addr
 for r:=range source.Ranges(){ if r[0].Is4(){l4=append(l4,r[0])}else{l6=append(l6,r[0])}}
 for _,n:=range []int{16,1024,65536} {
 for i,l:=range [][]netip.Addr{l4,l6}{
  s:=make([]netip.Addr,n); for i:=range s{s[i]=l[rand.IntN(len(l))]}
  name:=[]string{"4","6"}[i]+"/"+[]string{"16","1k","64k"}[map[int]int{16:0,1024:1,65536:2}[n]]
  b.Run("base"+name,func(b *testing.B){for j:=0;j<b.N;j++{ a:=s[j&(n-1)]; x:=a.As16(); sink+=int(x[7])}})
  b.Run("look"+name,func(b *testing.B){for j:=0;j<b.N;j++{ c,_:=table.Lookup(s[j&(n-1)]); sink+=int(c)}})
 }}
}
