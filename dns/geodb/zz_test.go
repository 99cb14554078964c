package geodb
import ("testing";"fmt";"sort";"encoding/binary"
"github.com/seaway-io/seaway/dns/core/geo")
func TestZZ(t *testing.T){
 for _,n:=range []int{3,12}{
 table,_:=compiled().Regions(worldRegions[:n],nil)
 for _,v4:=range []bool{true,false}{
  runs:=0; last:=-1; b:=map[uint64]int{}; b24:=map[uint64]int{}; b32:=map[uint64]int{}
  for p,c:=range table.Blocks(v4){ if int(c)!=last{runs++; last=int(c)
    var h uint64
    if v4 {a:=p.Addr().As4(); h=uint64(binary.BigEndian.Uint32(a[:]))<<32} else {a:=p.Addr().As16(); h=binary.BigEndian.Uint64(a[:8])}
    b[h>>48]++; b24[h>>40]++; b32[h>>32]++
  }}
  st:=func(m map[uint64]int) string { l:=[]int{}; s:=0; for _,v:=range m{l=append(l,v);s+=v}; sort.Ints(l); w:=0; for _,v:=range l{w+=v*v}; return fmt.Sprintf("buckets %d max %d weighted %d",len(l),l[len(l)-1],w/s)}
  fmt.Println(n,v4,"runs",runs,"16:",st(b),"24:",st(b24),"32:",st(b32))
 }}
 _=geo.Global
}
