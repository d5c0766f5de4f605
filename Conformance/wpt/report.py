import collections
def conclude(planned, results, options):
    c=collections.Counter(); 
    for url,r in results.items():
        if r.status!='OK': print(url, r.status, (r.message or '')[:300])
        for n,(s,m) in r.subtests.items():
            c[s]+=1
            if s!='PASS' : print('  ',url,n,s,(m or '')[:150])
    print(c, len(results))
    return 0
