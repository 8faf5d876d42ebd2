// Three workers, and code that is compiled while it runs.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
if (!isMainThread) {
    let sum = 0;
    for (let i = 0; i < 300000; i++)
        sum = (sum * 31 + i * workerData) % 1000003;
    parentPort.postMessage(sum);
} else {
    const all = [1, 2, 3].map((n) => new Promise((done) => new Worker(__filename, { workerData: n }).on('message', done)));
    Promise.all(all).then((sums) => console.log(sums.join(' ')));
}
