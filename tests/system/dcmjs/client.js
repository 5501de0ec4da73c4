// A DICOM client that is not DCMTK: echo, store, find, get and move against the archive, by
// dcmjs-dimse. Prints one JSON object: what came of each.
//   node client.js ARCHIVE_PORT OWN_PORT FILE…
// The archive knows OWN_PORT as the destination DCMJS.
'use strict';

const { Client, Dataset, Server, Scp, constants, requests, responses } = require('dcmjs-dimse');
const { PresentationContextResult, Status } = constants;

const [archivePort, ownPort, ...files] = process.argv.slice(2);
const patienceMs = 60000;

/** Runs requests in one association; fails on network errors and when time is up. */
function talk(toSend, onStore) {
  return new Promise((resolve, reject) => {
    const client = new Client();
    const timer = setTimeout(() => reject(new Error('time is up')), patienceMs);
    toSend.forEach((request) => client.addRequest(request));
    client.on('cStoreRequest', (request, callback) => {
      const response = responses.CStoreResponse.fromRequest(request);
      response.setStatus(Status.Success);
      onStore(request);
      callback(response);
    });
    client.on('associationRejected', (result) => reject(new Error(JSON.stringify(result))));
    client.on('networkError', reject);
    client.on('closed', () => {
      clearTimeout(timer);
      resolve();
    });
    client.send('127.0.0.1', Number(archivePort), 'DCMJS', 'LATENT');
  });
}

/** The final status of a request, and the data sets of its pending answers. */
function watch(request) {
  const seen = { status: null, datasets: [] };
  request.on('response', (response) => {
    if (response.getStatus() !== Status.Pending) {
      seen.status = response.getStatus();
    } else if (response.hasDataset()) {
      seen.datasets.push(response.getDataset());
    }
  });
  return seen;
}

/** What of an object must survive the journey. */
function essence(dataset) {
  const elements = dataset.getElements();
  const pixels = [].concat(elements.PixelData || []);
  return {
    instance: elements.SOPInstanceUID,
    patient: elements.PatientID || '',
    rows: elements.Rows || 0,
    pixelBytes: pixels.reduce((sum, part) => sum + part.byteLength, 0),
  };
}

const moved = [];
class Destination extends Scp {
  associationRequested(association) {
    association.getPresentationContexts().forEach(({ id }) => {
      const context = association.getPresentationContext(id);
      context.setResult(PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    });
    this.sendAssociationAccept();
  }
  cStoreRequest(request, callback) {
    moved.push(essence(request.getDataset()));
    const response = responses.CStoreResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }
  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
}

async function main() {
  const result = {};

  const echo = new requests.CEchoRequest();
  const echoed = watch(echo);
  await talk([echo]);
  result.echo = echoed.status;

  const stores = files.map((file) => new requests.CStoreRequest(file));
  const stored = stores.map(watch);
  result.sent = files.map((file) => essence(Dataset.fromFile(file)));
  await talk(stores);
  result.store = stored.map((seen) => seen.status);

  const study = Dataset.fromFile(files[0]).getElement('StudyInstanceUID');
  const find = requests.CFindRequest.createStudyFindRequest({
    StudyInstanceUID: study,
    PatientName: '',
    NumberOfStudyRelatedInstances: '',
  });
  const found = watch(find);
  await talk([find]);
  result.find = found.status;
  result.found = found.datasets.map((dataset) => ({
    study: dataset.getElement('StudyInstanceUID'),
    instances: Number(dataset.getElement('NumberOfStudyRelatedInstances')),
  }));

  const get = requests.CGetRequest.createStudyGetRequest(study);
  const got = watch(get);
  result.got = [];
  await talk([get], (request) => result.got.push(essence(request.getDataset())));
  result.get = got.status;

  const server = new Server(Destination);
  server.on('networkError', (error) => process.stderr.write(`destination: ${error.message}\n`));
  server.listen(Number(ownPort));
  const move = requests.CMoveRequest.createStudyMoveRequest('DCMJS', study);
  const moving = watch(move);
  await talk([move]);
  result.move = moving.status;
  result.moved = moved;
  server.close();

  process.stdout.write(`${JSON.stringify(result)}\n`);
}

main().then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
